//! Numbers that look random and follow from a seed.

/// A series of numbers (`SplitMix64`): fast, and any seed is as good as another.
///
/// # Source
/// Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A series for one of several purposes of a seed, such as a frame.
    pub(crate) fn new(seed: u32, purpose: u64) -> Self {
        let mut mixed = Self(u64::from(seed) ^ 0x6D69_6C6C_7374_7265);
        let start = mixed.bits() ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        Self(start)
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to below `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.bits() >> 40) as f32 / (1_u32 << 24) as f32;
        low + (high - low) * unit
    }

    /// Fills with random bytes.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        let (whole, rest) = bytes.as_chunks_mut::<8>();
        for eight in whole {
            *eight = self.bits().to_le_bytes();
        }
        let last = self.bits().to_le_bytes();
        rest.iter_mut().zip(last).for_each(|(to, from)| *to = from);
    }
}
