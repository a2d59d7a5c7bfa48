//! One module per outside thing: the database, the events it keeps for others, Argon2 on its pool, the user service, JSON Web Tokens.

mod argon;
pub mod events;
#[cfg(feature = "backing-services")]
#[cfg(feature = "backing-services")]
pub mod fallback_sessions;
pub mod jwt;
pub mod password;
pub mod profiles;
#[cfg(feature = "backing-services")]
pub mod redis_sessions;
pub mod sql;
