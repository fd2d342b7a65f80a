//! IEEE half precision, for models whose tensors are `f16`.

/// The `f32` of the same value.
///
/// # Source
/// IEEE 754-2019, binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction.
pub fn f32_from_f16(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff);
    if magnitude >= 0x7c00 {
        // Infinite or not a number: the largest exponent here too.
        return f32::from_bits(sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13);
    }
    // As if the exponents had one bias; the product puts that right, and makes
    // subnormal halves normal.
    let bias = f32::from_bits((127 + 127 - 15) << 23);
    let scaled = f32::from_bits(magnitude << 13) * bias;
    f32::from_bits(sign | scaled.to_bits())
}

/// The nearest half, ties to even; infinite beyond 65,504.
pub fn f16_from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = f32::from_bits(bits & 0x7fff_ffff);
    if magnitude.is_nan() {
        return sign | 0x7e00;
    }
    if magnitude >= 65_520.0 {
        return sign | 0x7c00;
    }
    if magnitude < 6.103_515_6e-5 {
        // Subnormal: whole steps of 2^-24.
        return sign | (magnitude * 16_777_216.0).round_ties_even() as u16;
    }
    let bits = magnitude.to_bits() - ((127 - 15) << 23);
    let half = bits >> 13;
    let (rest, odd) = (bits & 0x1fff, half & 1);
    let up = u32::from(rest > 0x1000 || (rest == 0x1000 && odd == 1));
    sign | (half + up) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            let value = f32_from_f16(half);
            if value.is_nan() {
                assert!(f32_from_f16(f16_from_f32(value)).is_nan());
            } else {
                assert_eq!(f16_from_f32(value), half, "{value}");
            }
        }
        for (half, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 2.0_f32.powi(-24)),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(f32_from_f16(half).to_bits(), f32::to_bits(value));
        }
        // Between two halves: to the nearest, and to the even one of equals.
        assert_eq!(f16_from_f32(1.0 + 0.000_488_281_25), 0x3c00);
        assert_eq!(f16_from_f32(1.0 + 3.0 * 0.000_488_281_25), 0x3c02);
        assert_eq!(f16_from_f32(1e9), 0x7c00);
    }
}
