//! Opaque page cursors: what the next page starts after, tied to the search it belongs to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A cursor that this search did not hand out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("The cursor is not valid for this list: use `next_cursor` of the previous page with the same filters.")]
pub struct BadCursor;

#[derive(Serialize, Deserialize)]
struct Token<S, P> {
    /// The search: sort order and filters.
    s: S,
    /// The position: sort key and id of the last item.
    p: P,
}

/// Longest cursor that is looked at.
const MAX_LENGTH: usize = 1024;

/// Makes the cursor for what comes after `position` in `search`.
pub fn encode<S: Serialize, P: Serialize>(search: &S, position: &P) -> String {
    serde_json::to_vec(&Token { s: search, p: position }).map(|json| URL_SAFE_NO_PAD.encode(json)).unwrap_or_default()
}

/// Reads a cursor; an empty one means the first page.
///
/// # Errors
/// If it is damaged or belongs to another search.
pub fn decode<S, P>(search: &S, cursor: &str) -> Result<Option<P>, BadCursor>
where
    S: DeserializeOwned + PartialEq,
    P: DeserializeOwned,
{
    if cursor.is_empty() {
        return Ok(None);
    }
    if cursor.len() > MAX_LENGTH {
        return Err(BadCursor);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| BadCursor)?;
    let token: Token<S, P> = serde_json::from_slice(&json).map_err(|_| BadCursor)?;
    if token.s == *search { Ok(Some(token.p)) } else { Err(BadCursor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back() {
        let search = ("name".to_owned(), Some(5_i64));
        let cursor = encode(&search, &("Kettle", 7));
        assert_eq!(decode::<_, (String, i64)>(&search, &cursor), Ok(Some(("Kettle".into(), 7))));
        assert_eq!(decode::<(String, Option<i64>), (String, i64)>(&search, ""), Ok(None));
    }

    #[test]
    fn damaged_and_foreign_cursors_are_refused() {
        let cursor = encode(&"by name", &7);
        for bad in ["%%%", "bm90IGpzb24", &cursor[1..], &"A".repeat(5000)] {
            assert_eq!(decode::<String, i64>(&"by name".to_owned(), bad), Err(BadCursor), "{bad}");
        }
        assert_eq!(decode::<String, i64>(&"by price".to_owned(), &cursor), Err(BadCursor));
    }
}
