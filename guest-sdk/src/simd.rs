//! Vectors of 128 bits for loops over pixels that the compiler does not vectorise by
//! itself: `simd128` in a component, SSE or NEON in the same code built natively.
//!
//! The types are [`wide`]'s. Bytes come from chunks of a slice
//! (`u8x16::new(*chunk)`) and go back the same way (`*chunk = vector.to_array()`),
//! which compiles to one load or store. What `wide` lacks is here: [`shuffle!`](crate::shuffle),
//! whose places are known to the compiler, and what is made of it.
//!
//! Results are the same on every machine: nothing here is relaxed.
//!
//! What costs much in a component and little natively: a call in a loop, on a path however
//! rare, since no vector stays in a register around it (what is cut off at a row's end
//! belongs into a function of its own); a way out of the middle of a loop, which keeps the
//! compiler from doing several turns in one; more values at a time than there are
//! registers; [`packed`] of numbers that the compiler does not know to be positive; and a
//! copy of a few bytes whose number it does not know, each of which asks the host
//! (`memory.copy`): parts of known sizes do not, such as those of `as_chunks`.

pub use bytemuck::must_cast as cast;
pub use wide::{i8x16, i16x8, i32x4, u8x16, u16x8};

use wide::{i16x16, i32x8};

/// Sixteen bytes, each from one of thirty-two places: those of the first vector are
/// 0 to 15, those of the second 16 to 31.
///
/// Both vectors should be needed: in a component a shuffle of one of them waits for
/// whatever lies in the other's register. Use [`u8x16::shuffle_zeroing`] there.
///
/// ```
/// use millstream_sdk::simd::u8x16;
/// let (a, b) = (u8x16::splat(1), u8x16::splat(2));
/// let mixed = millstream_sdk::shuffle!(a, b, 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23);
/// assert_eq!(mixed.to_array()[..3], [1, 2, 1]);
/// ```
#[macro_export]
macro_rules! shuffle {
    ($a:expr, $b:expr, $($place:literal)*) => {
        $crate::simd::shuffled::<$($place),*>($a, $b)
    };
}

/// See [`shuffle!`](crate::shuffle).
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[doc(hidden)]
#[inline]
pub fn shuffled<
    const A: usize,
    const B: usize,
    const C: usize,
    const D: usize,
    const E: usize,
    const F: usize,
    const G: usize,
    const H: usize,
    const I: usize,
    const J: usize,
    const K: usize,
    const L: usize,
    const M: usize,
    const N: usize,
    const O: usize,
    const P: usize,
>(
    a: u8x16,
    b: u8x16,
) -> u8x16 {
    use core::arch::wasm32::u8x16_shuffle;
    let (a, b) = (cast(a), cast(b));
    cast(u8x16_shuffle::<
        A,
        B,
        C,
        D,
        E,
        F,
        G,
        H,
        I,
        J,
        K,
        L,
        M,
        N,
        O,
        P,
    >(a, b))
}

/// See [`shuffle!`](crate::shuffle).
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[doc(hidden)]
#[inline]
pub fn shuffled<
    const A: usize,
    const B: usize,
    const C: usize,
    const D: usize,
    const E: usize,
    const F: usize,
    const G: usize,
    const H: usize,
    const I: usize,
    const J: usize,
    const K: usize,
    const L: usize,
    const M: usize,
    const N: usize,
    const O: usize,
    const P: usize,
>(
    a: u8x16,
    b: u8x16,
) -> u8x16 {
    // An index with its high bit set gives 0.
    let places = [A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P].map(|place| place as u8);
    let of_a = places.map(|place| if place < 16 { place } else { 255 });
    let of_b = places.map(|place| if place < 16 { 255 } else { place - 16 });
    a.shuffle(u8x16::new(of_a)) | b.shuffle(u8x16::new(of_b))
}

/// Makes what leaves of what enters, one by one, as long as both have some; four in a turn
/// of the loop, whose places in memory are then found once.
///
/// ```
/// let mut to = [0; 5];
/// millstream_sdk::simd::fours(&[1, 2, 3, 4, 5, 6], &mut to, |number| number * 2);
/// assert_eq!(to, [2, 4, 6, 8, 10]);
/// ```
#[inline]
pub fn fours<A, B>(from: &[A], to: &mut [B], make: impl Fn(&A) -> B) {
    fours_of_two(from, from, to, |from, _| make(from));
}

/// The same of two.
#[inline]
pub fn fours_of_two<A, B, C>(a: &[A], b: &[B], to: &mut [C], make: impl Fn(&A, &B) -> C) {
    let count = to.len().min(a.len()).min(b.len());
    let (Some(a), Some(b), Some(to)) = (a.get(..count), b.get(..count), to.get_mut(..count)) else {
        return;
    };
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let (to, to_rest) = to.as_chunks_mut::<4>();
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
            *to = make(a, b);
        }
    }
    for ((to, a), b) in to_rest.iter_mut().zip(a_rest).zip(b_rest) {
        *to = make(a, b);
    }
}

/// Eight numbers' bytes, the lower ones first.
#[inline]
pub fn bytes(numbers: i16x8) -> u8x16 {
    cast(numbers)
}

/// Pairs of bytes as numbers, the lower ones first.
#[inline]
pub fn numbers(bytes: u8x16) -> i16x8 {
    cast(bytes)
}

/// The first eight bytes as numbers.
#[inline]
pub fn low(bytes: u8x16) -> i16x8 {
    numbers(u8x16::unpack_low(bytes, u8x16::ZERO))
}

/// The last eight bytes as numbers.
#[inline]
pub fn high(bytes: u8x16) -> i16x8 {
    numbers(u8x16::unpack_high(bytes, u8x16::ZERO))
}

/// Sixteen numbers as signed bytes; what is out of their range is the nearest one.
#[inline]
pub fn signed_bytes(low: i16x8, high: i16x8) -> u8x16 {
    cast(i8x16::from_i16x16_saturate(cast::<_, i16x16>([low, high])))
}

/// Sixteen numbers as bytes; what is out of their range is the nearest one.
#[inline]
pub fn packed(low: i16x8, high: i16x8) -> u8x16 {
    u8x16::narrow_i16x8(low, high)
}

/// Eight words as numbers; what is out of their range is the nearest one.
#[inline]
pub fn narrowed(low: i32x4, high: i32x4) -> i16x8 {
    i16x8::from_i32x8_saturate(cast::<_, i32x8>([low, high]))
}

/// Rows become columns.
#[inline]
pub fn transposed(rows: [i16x8; 8]) -> [i16x8; 8] {
    let [a, b, c, d, e, f, g, h] = rows.map(bytes);
    let ([ae0, ae1], [bf0, bf1]) = (zip_pairs(a, e), zip_pairs(b, f));
    let ([cg0, cg1], [dh0, dh1]) = (zip_pairs(c, g), zip_pairs(d, h));
    let ([aceg0, aceg1], [aceg2, aceg3]) = (zip_pairs(ae0, cg0), zip_pairs(ae1, cg1));
    let ([bdfh0, bdfh1], [bdfh2, bdfh3]) = (zip_pairs(bf0, dh0), zip_pairs(bf1, dh1));
    let ([r0, r1], [r2, r3]) = (zip_pairs(aceg0, bdfh0), zip_pairs(aceg1, bdfh1));
    let ([r4, r5], [r6, r7]) = (zip_pairs(aceg2, bdfh2), zip_pairs(aceg3, bdfh3));
    [r0, r1, r2, r3, r4, r5, r6, r7].map(numbers)
}

/// Eight bytes times 256, in numbers that may be negative.
#[inline]
pub fn raised(bytes: [u8; 8]) -> i16x8 {
    let bytes = cast([u64::from_ne_bytes(bytes), 0]);
    numbers(u8x16::unpack_low(u8x16::ZERO, bytes))
}

/// Eight numbers, each twice.
#[inline]
pub fn twice(numbers: i16x8) -> [i16x8; 2] {
    zip_pairs(bytes(numbers), bytes(numbers)).map(self::numbers)
}

/// Pairs of bytes of both in turn.
#[inline]
pub fn zip_pairs(a: u8x16, b: u8x16) -> [u8x16; 2] {
    [
        crate::shuffle!(a, b, 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23),
        crate::shuffle!(a, b, 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31),
    ]
}

/// The even bytes of both.
#[inline]
pub fn even(a: u8x16, b: u8x16) -> u8x16 {
    crate::shuffle!(a, b, 0 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30)
}

/// The odd bytes of both.
#[inline]
pub fn odd(a: u8x16, b: u8x16) -> u8x16 {
    crate::shuffle!(a, b, 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31)
}
