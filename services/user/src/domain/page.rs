//! Pages of users: how many, after whom, and the cursor that says so.

use chassis::FieldError;
use chassis::cursor::{self, BadCursor};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use super::user::{User, UserId};

/// Users on a page if nobody says.
const DEFAULT_SIZE: u16 = 20;

/// Most users on a page.
const MAX_SIZE: u16 = 100;

/// What our cursors are for, so that those of other lists are refused.
const LIST: &str = "users";

/// 9999-12-31T23:59:59.999Z: a cursor may be made up, and not every database takes later times.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// The place of a user in the list: by creation time, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    created_at: DateTime<Utc>,
    id: UserId,
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    size: u16,
    after: Option<Position>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The users, oldest first.
    pub users: Vec<User>,
    /// Cursor of the next page; empty on the last.
    pub next_cursor: String,
}

impl Position {
    /// The place of `user`.
    #[must_use]
    pub fn of(user: &User) -> Self {
        Self { created_at: user.created_at(), id: user.id() }
    }

    /// Creation time.
    #[must_use]
    pub fn created_at(self) -> DateTime<Utc> {
        self.created_at
    }

    /// Id.
    #[must_use]
    pub fn id(self) -> UserId {
        self.id
    }

    fn encode(self) -> String {
        cursor::encode(&LIST, &(self.created_at.timestamp_millis(), self.id.uuid()))
    }

    fn decode(text: &str) -> Result<Option<Self>, BadCursor> {
        let Some((millis, id)) = cursor::decode::<String, (i64, Uuid)>(&LIST.to_owned(), text)? else {
            return Ok(None);
        };
        let known = (0..=LAST_MILLISECOND).contains(&millis).then(|| DateTime::from_timestamp_millis(millis));
        let created_at = known.flatten().ok_or(BadCursor)?;
        Ok(Some(Self { created_at, id: id.into() }))
    }
}

impl PageRequest {
    /// Reads a request: 0 for the usual size, an empty cursor for the first page.
    ///
    /// # Errors
    /// [`Error::Invalid`] for field `page_size` outside 0 to 100, [`Error::BadCursor`].
    pub fn new(size: i32, cursor: &str) -> Result<Self, Error> {
        let size = match u16::try_from(size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) if size <= MAX_SIZE => size,
            _ => return Err(FieldError::new("page_size", format!("must be 1 to {MAX_SIZE}")).into()),
        };
        Ok(Self { size, after: Position::decode(cursor)? })
    }

    /// Users on the page, 1 to 100.
    #[must_use]
    pub fn size(self) -> u16 {
        self.size
    }

    /// Where the page starts; nothing for the beginning.
    #[must_use]
    pub fn after(self) -> Option<Position> {
        self.after
    }
}

impl Page {
    /// The first `size` of the users found. If there are more, there is a next page.
    #[must_use]
    pub fn new(mut found: Vec<User>, size: u16) -> Self {
        let more = found.len() > usize::from(size);
        found.truncate(size.into());
        let next = found.last().filter(|_| more).map(|last| Position::of(last).encode());
        Self { users: found, next_cursor: next.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(millis: i64) -> Position {
        let created_at = DateTime::from_timestamp_millis(millis).expect("in range");
        Position { created_at, id: Uuid::from_u128(7).into() }
    }

    #[test]
    fn a_position_comes_back_from_its_cursor() {
        for position in [position(0), position(1_700_000_000_123), position(LAST_MILLISECOND)] {
            assert_eq!(Position::decode(&position.encode()), Ok(Some(position)));
        }
        assert_eq!(Position::decode(""), Ok(None));
    }

    #[test]
    fn made_up_positions_are_refused() {
        let (early, late) = (position(-1).encode(), position(LAST_MILLISECOND + 1).encode());
        let never = cursor::encode(&LIST, &(i64::MAX, Uuid::nil()));
        let foreign = cursor::encode(&"products", &(0_i64, Uuid::nil()));
        for bad in [&early, &late, &never, &foreign, "%%%"] {
            assert_eq!(Position::decode(bad), Err(BadCursor), "{bad}");
        }
    }

    #[test]
    fn sizes_have_a_default_and_limits() {
        let size = |size| PageRequest::new(size, "").map(PageRequest::size).ok();
        assert_eq!([0, 1, 100].map(size), [Some(20), Some(1), Some(100)]);
        assert_eq!([-1, 101, 65_536, i32::MIN, i32::MAX].map(size), [None; 5]);
    }
}
