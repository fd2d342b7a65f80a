//! Numbers, choices and texts out of bytes; when those are used up, zeros.

/// Reads from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(super) fn long(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            small => u64::from(small),
        }
    }

    pub(super) fn float(&mut self) -> f64 {
        match self.byte() {
            0xff => f64::from_bits(self.long()),
            0xfe => f64::NAN,
            0xfd => f64::INFINITY,
            small => f64::from(small),
        }
    }

    /// One of these, or none if there are none.
    pub(super) fn choose<'b>(&mut self, from: &[&'b str]) -> &'b str {
        let at = usize::from(self.byte()).checked_rem(from.len());
        at.and_then(|at| from.get(at)).copied().unwrap_or_default()
    }

    /// Up to 31 of the bytes themselves, one of these, or a text of some length.
    pub(super) fn text(&mut self, words: &[&str]) -> String {
        match self.byte() {
            0xff => "a".repeat(usize::from(self.byte()) << 9),
            size @ 0xe0.. => {
                let bytes: Vec<u8> = (0..size & 31).map(|_| self.byte()).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => self.choose(words).to_owned(),
        }
    }

    /// Few items, or more than any limit.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = match self.byte() {
            0xff => 300,
            small => usize::from(small & 7),
        };
        (0..count).map(|_| item(self)).collect()
    }
}
