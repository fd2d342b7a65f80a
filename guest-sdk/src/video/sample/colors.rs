//! From interpolated samples to the numbers of an input.

use super::Target;
use super::columns::PARTS;
use crate::video::{ColorRange, Family, VideoInfo};

/// How a colour's number is made of luma and both chromas, or of its own sample.
#[derive(Debug, Clone, Copy, Default)]
struct Color {
    /// Of luma, or of the sample.
    luma: f32,
    u: f32,
    v: f32,
    offset: f32,
    /// The numbers for 0 and 255, the lower one first.
    least: f32,
    most: f32,
}

/// Conversion and normalisation at once.
#[derive(Debug)]
pub(super) struct Colors {
    /// Red, green, blue.
    colors: [Color; 3],
    kind: Kind,
}

/// What lines are of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Rgb,
    Gray,
    Yuv,
}

/// A component's samples, one in each word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    pub(super) words: &'a [u32],
    /// Bits below the sample: 0 or 16.
    pub(super) shift: u32,
}

/// A component's samples, their right neighbours, and how much is taken of these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) near: Samples<'a>,
    pub(super) far: Samples<'a>,
    pub(super) weights: &'a [f32],
    /// All weights are 0.
    pub(super) plain: bool,
}

impl Line<'_> {
    /// The samples, without their neighbours unless `BETWEEN`.
    fn samples<const BETWEEN: bool>(&self) -> impl Iterator<Item = f32> {
        let (low, far_low) = (self.near.shift, self.far.shift);
        let sample = |word: u32, low: u32| (word >> low & 0xffff).cast_signed() as f32;
        let words = self.near.words.iter().zip(self.far.words);
        words.zip(self.weights).map(move |((near, far), weight)| {
            let near = sample(*near, low);
            if BETWEEN {
                near + (sample(*far, far_low) - near) * weight
            } else {
                near
            }
        })
    }
}

impl Colors {
    /// # Source
    /// ITU-T H.273, section 8.3: luma is the weighted sum of red, green and blue,
    /// chroma the scaled differences of blue and red to it.
    pub(super) fn new(info: &VideoInfo, target: &Target) -> Self {
        let (red, blue) = info.colorimetry.matrix.red_blue();
        let green = 1.0 - red - blue;
        let is_yuv = info.format.is_yuv();
        let (luma, chroma, black) = match info.colorimetry.range {
            ColorRange::Limited if is_yuv => (255.0 / 219.0, 255.0 / 224.0, 16.0),
            _ => (1.0, 1.0, 0.0),
        };
        let (by_u, by_v) = (chroma * 2.0 * (1.0 - blue), chroma * 2.0 * (1.0 - red));
        let factors = [
            (0.0, by_v),
            (-by_u * blue / green, -by_v * red / green),
            (by_u, 0.0),
        ];
        let normalization = target.factor.into_iter().zip(target.offset);
        let mut colors = normalization
            .zip(factors)
            .map(|((factor, offset), (u, v))| {
                let (factor, offset) = (f64::from(factor), f64::from(offset));
                let (u, v) = if is_yuv { (u, v) } else { (0.0, 0.0) };
                let part = |number: f64| (number * factor / f64::from(PARTS)) as f32;
                let white = offset + 255.0 * factor;
                Color {
                    luma: part(luma),
                    u: part(u),
                    v: part(v),
                    offset: (offset - factor * (black * luma + 128.0 * (u + v))) as f32,
                    least: offset.min(white) as f32,
                    most: offset.max(white) as f32,
                }
            });
        Self {
            colors: core::array::from_fn(|_| colors.next().unwrap_or_default()),
            kind: match info.format.family() {
                Family::Rgb { .. } => Kind::Rgb,
                Family::Gray => Kind::Gray,
                _ => Kind::Yuv,
            },
        }
    }

    /// Red, green and blue of lines of red, green and blue, or of luma, U and V, or of
    /// luma alone.
    pub(super) fn convert(
        &self,
        lines: &[Line<'_>; 3],
        red: &mut [f32],
        green: &mut [f32],
        blue: &mut [f32],
    ) {
        if lines.iter().all(|line| line.plain) {
            self.convert_by::<false>(lines, red, green, blue);
        } else {
            self.convert_by::<true>(lines, red, green, blue);
        }
    }

    fn convert_by<const BETWEEN: bool>(
        &self,
        lines: &[Line<'_>; 3],
        red: &mut [f32],
        green: &mut [f32],
        blue: &mut [f32],
    ) {
        let ([first, second, third], [r, g, b]) = (lines, &self.colors);
        match self.kind {
            Kind::Gray => gray::<BETWEEN>(&self.colors, first, red, green, blue),
            Kind::Yuv => yuv::<BETWEEN>(&self.colors, lines, red, green, blue),
            Kind::Rgb => {
                r.scale::<BETWEEN>(first, red);
                g.scale::<BETWEEN>(second, green);
                b.scale::<BETWEEN>(third, blue);
            }
        }
    }
}

/// A function of its own, so that the compiler knows that lines do not overlap; so
/// are the others.
#[inline(never)]
fn yuv<const BETWEEN: bool>(
    [r, g, b]: &[Color; 3],
    [y, u, v]: &[Line<'_>; 3],
    red: &mut [f32],
    green: &mut [f32],
    blue: &mut [f32],
) {
    let samples = y.samples::<BETWEEN>().zip(u.samples::<BETWEEN>());
    let samples = samples.zip(v.samples::<BETWEEN>());
    let numbers = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), ((y, u), v)) in numbers.zip(samples) {
        *red = r.limit(y * r.luma + v * r.v + r.offset);
        *green = g.limit(y * g.luma + u * g.u + v * g.v + g.offset);
        *blue = b.limit(y * b.luma + u * b.u + b.offset);
    }
}

#[inline(never)]
fn gray<const BETWEEN: bool>(
    [r, g, b]: &[Color; 3],
    line: &Line<'_>,
    red: &mut [f32],
    green: &mut [f32],
    blue: &mut [f32],
) {
    let numbers = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), gray) in numbers.zip(line.samples::<BETWEEN>()) {
        *red = gray * r.luma + r.offset;
        *green = gray * g.luma + g.offset;
        *blue = gray * b.luma + b.offset;
    }
}

impl Color {
    fn limit(&self, number: f32) -> f32 {
        let number = if number > self.least {
            number
        } else {
            self.least
        };
        if number < self.most {
            number
        } else {
            self.most
        }
    }

    #[inline(never)]
    fn scale<const BETWEEN: bool>(&self, line: &Line<'_>, into: &mut [f32]) {
        for (number, sample) in into.iter_mut().zip(line.samples::<BETWEEN>()) {
            *number = sample * self.luma + self.offset;
        }
    }
}
