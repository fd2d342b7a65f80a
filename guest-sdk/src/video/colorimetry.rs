//! [`Colorimetry`]: what the numbers of a pixel mean.

use core::fmt;

use super::VideoFormat;

/// From which numbers to which luma and colours go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorRange {
    /// 0 to 255.
    Full,
    /// Luma 16 to 235, chroma 16 to 240.
    Limited,
}

/// How luma and chroma are made of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMatrix {
    /// Not at all: the samples are red, green and blue.
    Rgb,
    /// FCC, which was NTSC's first.
    Fcc,
    /// ITU-R BT.709: HD.
    Bt709,
    /// ITU-R BT.601: SD, and JPEG.
    Bt601,
    /// SMPTE 240M.
    Smpte240m,
    /// ITU-R BT.2020: UHD.
    Bt2020,
}

impl ColorMatrix {
    /// The weights of red and blue in luma; green has the rest.
    pub const fn red_blue(self) -> (f64, f64) {
        match self {
            Self::Fcc => (0.30, 0.11),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Rgb | Self::Bt601 => (0.2990, 0.1140),
            Self::Smpte240m => (0.212, 0.087),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Rgb => 1,
            Self::Fcc => 2,
            Self::Bt709 => 3,
            Self::Bt601 => 4,
            Self::Smpte240m => 5,
            Self::Bt2020 => 6,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Rgb,
            2 => Self::Fcc,
            3 => Self::Bt709,
            4 => Self::Bt601,
            5 => Self::Smpte240m,
            6 => Self::Bt2020,
            _ => return None,
        })
    }
}

/// What the numbers of a pixel mean. In caps a name, or four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colorimetry {
    /// The range of the numbers.
    pub range: ColorRange,
    /// How luma and chroma are made.
    pub matrix: ColorMatrix,
    /// GStreamer's number of the transfer function; 0 if not known.
    pub transfer: u8,
    /// GStreamer's number of the primaries; 0 if not known.
    pub primaries: u8,
}

impl Colorimetry {
    /// SD video.
    pub const BT601: Self = Self::new(ColorRange::Limited, ColorMatrix::Bt601, 16, 4);
    /// HD video.
    pub const BT709: Self = Self::new(ColorRange::Limited, ColorMatrix::Bt709, 5, 1);
    /// UHD video.
    pub const BT2020: Self = Self::new(ColorRange::Limited, ColorMatrix::Bt2020, 13, 7);
    /// The first HD video.
    pub const SMPTE240M: Self = Self::new(ColorRange::Limited, ColorMatrix::Smpte240m, 6, 5);
    /// Pictures.
    pub const SRGB: Self = Self::new(ColorRange::Full, ColorMatrix::Rgb, 7, 1);
    /// What a JPEG decodes to.
    pub const JPEG: Self = Self::new(ColorRange::Full, ColorMatrix::Bt601, 0, 0);

    const NAMED: [(&'static str, Self); 5] = [
        ("bt601", Self::BT601),
        ("bt709", Self::BT709),
        ("bt2020", Self::BT2020),
        ("smpte240m", Self::SMPTE240M),
        ("sRGB", Self::SRGB),
    ];

    const fn new(range: ColorRange, matrix: ColorMatrix, transfer: u8, primaries: u8) -> Self {
        Self {
            range,
            matrix,
            transfer,
            primaries,
        }
    }

    /// What caps without a `colorimetry` mean.
    ///
    /// # Source
    /// `set_default_colorimetry` in GStreamer's `video-info.c`.
    pub const fn default_for(format: VideoFormat, height: usize) -> Self {
        if format.is_rgb() {
            Self::SRGB
        } else if !format.is_yuv() {
            Self::JPEG
        } else if height >= 2160 {
            Self::BT2020
        } else if height > 576 {
            Self::BT709
        } else {
            Self::BT601
        }
    }

    /// From the field of caps: `bt709`, or `2:3:5:1` (range, matrix, transfer,
    /// primaries). None if it is neither; a range or matrix of 0 is that of
    /// `default`.
    pub fn from_text(text: &str, default: Self) -> Option<Self> {
        if let Some((_, named)) = Self::NAMED.iter().find(|(name, _)| *name == text) {
            return Some(*named);
        }
        let mut numbers = text.split(':').map(|number| number.parse::<u8>().ok());
        let mut next = || numbers.next().flatten();
        let (range, matrix, transfer, primaries) = (next()?, next()?, next()?, next()?);
        let range = match range {
            0 => default.range,
            1 => ColorRange::Full,
            2 => ColorRange::Limited,
            _ => return None,
        };
        let matrix = match matrix {
            0 => default.matrix,
            number => ColorMatrix::from_number(number)?,
        };
        numbers.next().is_none().then_some(Self {
            range,
            matrix,
            transfer,
            primaries,
        })
    }
}

impl fmt::Display for Colorimetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = Self::NAMED.iter().find(|(_, named)| named == self) {
            return f.write_str(name);
        }
        let range = if self.range == ColorRange::Full { 1 } else { 2 };
        write!(
            f,
            "{range}:{}:{}:{}",
            self.matrix.number(),
            self.transfer,
            self.primaries
        )
    }
}
