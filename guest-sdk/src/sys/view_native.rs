//! Views natively: the buffer's bytes are ordinary memory of this process.

use super::RawBuffer;
use super::world;

/// Says that there is a view; where it lies the buffer itself knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address;

/// A view, unless the harness turned views off to test the copying fall-back.
pub(crate) fn address(_raw: &RawBuffer, _writable: bool) -> Option<Address> {
    world::with(|world| world.views.then_some(Address))
}

/// The buffer's bytes.
pub(crate) fn bytes_at(raw: &RawBuffer, _address: Address, _size: usize) -> &[u8] {
    raw.bytes()
}

/// The buffer's bytes, to write.
pub(crate) fn bytes_at_mut(raw: &mut RawBuffer, _address: Address, _size: usize) -> &mut [u8] {
    raw.bytes_mut()
}
