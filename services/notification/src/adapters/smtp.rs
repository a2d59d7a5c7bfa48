//! Mails over SMTP, in programs built with it. The section of the configuration is always read.

#[cfg(feature = "backing-services")]
mod mailer;
#[cfg(feature = "backing-services")]
mod secure;
mod settings;

#[cfg(feature = "backing-services")]
pub use self::mailer::SmtpMailer;
pub use self::settings::{SmtpSettings, Tls};
