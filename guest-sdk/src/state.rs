//! What an element hands over to the instance that comes after it: a value of any
//! type that serde knows, with the version of that type before it.
//!
//! ```
//! use millstream_sdk::state;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Saved {
//!     frames: u64,
//! }
//! const VERSION: u32 = 1;
//!
//! let bytes = state::to_bytes(VERSION, &Saved { frames: 7 });
//! let saved: Saved = state::from_bytes(VERSION, &bytes.unwrap_or_default())?;
//! assert_eq!(saved.frames, 7);
//! # Ok::<(), millstream_sdk::Failure>(())
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The largest count that is believed: a thousand a second for 30 years. An element
/// can go on counting from it without an overflow.
pub const MOST_COUNTED: u64 = 1 << 40;

/// The most bytes that the contract takes from `save`.
pub const MAX_BYTES: usize = 1 << 20;
/// The most bytes of an incomplete frame in them, so that the rest has room too.
pub const MAX_PENDING: usize = MAX_BYTES - 64 * 1024;

/// The bytes for `save`; none if the value cannot be written.
///
/// Another `version` says that the type has changed, so that older bytes are refused.
pub fn to_bytes<T: Serialize>(version: u32, state: &T) -> Option<Vec<u8>> {
    postcard::to_allocvec(&(version, state)).ok()
}

/// The value in the bytes of `restore`.
///
/// # Errors
/// Bytes of another version, or of another element. What they hold is only known to
/// be of the type: whether it makes sense is the element's to check.
pub fn from_bytes<T: DeserializeOwned>(version: u32, bytes: &[u8]) -> Result<T, Failure> {
    let unreadable = |_| Failure::failed("the state of another element");
    let (found, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(unreadable)?;
    if found != version {
        return Err(Failure::failed(format!(
            "state of version {found}, expected {version}"
        )));
    }
    let (state, rest) = postcard::take_from_bytes(rest).map_err(unreadable)?;
    if !rest.is_empty() {
        return Err(unreadable(postcard::Error::DeserializeBadEncoding));
    }
    Ok(state)
}

/// A count out of a state; `what` is counted.
///
/// # Errors
/// More than [`MOST_COUNTED`].
pub fn count(what: &str, number: u64) -> Result<u64, Failure> {
    if number > MOST_COUNTED {
        let message = format!("state of {number} {what}, expected {MOST_COUNTED} at most");
        return Err(Failure::failed(message));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Saved = (u64, Vec<(String, f32)>);

    proptest! {
        #[test]
        fn what_is_saved_is_restored(
            state: (u64, Vec<(String, f32)>), version: u32, other: u32, cut: prop::sample::Index
        ) {
            let bytes = to_bytes(version, &state).unwrap();
            let restored: Saved = from_bytes(version, &bytes).unwrap();
            prop_assert_eq!(format!("{state:?}"), format!("{restored:?}"));
            prop_assert_eq!(from_bytes::<Saved>(other, &bytes).is_ok(), other == version);
            let part = &bytes[..cut.index(bytes.len())];
            prop_assert!(from_bytes::<Saved>(version, part).is_err());
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes: Vec<u8>) {
            drop(from_bytes::<Saved>(1, &bytes));
        }
    }
}
