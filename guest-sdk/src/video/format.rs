//! [`VideoFormat`]: the order of samples in a frame.

/// How a format arranges its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// One plane of red, green and blue, perhaps with a fourth byte.
    Rgb {
        /// Bytes of a pixel.
        bytes: usize,
        /// Where red, green and blue lie in it.
        rgb: [usize; 3],
        /// Where alpha lies in it, if there is any.
        alpha: Option<usize>,
    },
    /// One plane of luma.
    Gray,
    /// A plane of luma and two of chroma at half width and height.
    Planar {
        /// Indices of the planes of U and V.
        uv: [usize; 2],
    },
    /// A plane of luma and one of chroma pairs at half width and height.
    SemiPlanar {
        /// Where U and V lie in a pair.
        uv: [usize; 2],
    },
    /// One plane of groups of four bytes for two pixels beside each other.
    Packed422 {
        /// Where the first luma, U, the second luma and V lie in a group.
        yuyv: [usize; 4],
    },
}

macro_rules! formats {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// The order of samples in a frame; names as in caps.
        #[allow(clippy::upper_case_acronyms, reason = "the names that caps use")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum VideoFormat {
            $($(#[$doc])+ $name,)+
        }

        impl VideoFormat {
            /// Every format.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in caps.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

formats! {
    /// Planes Y, U, V, chroma at half width and height.
    I420 = "I420",
    /// Planes Y, V, U, chroma at half width and height.
    YV12 = "YV12",
    /// Planes Y and UV, chroma at half width and height.
    NV12 = "NV12",
    /// Planes Y and VU, chroma at half width and height.
    NV21 = "NV21",
    /// Y0 U Y1 V, chroma at half width.
    YUY2 = "YUY2",
    /// U Y0 V Y1, chroma at half width.
    UYVY = "UYVY",
    /// Three bytes a pixel.
    RGB = "RGB",
    /// Three bytes a pixel.
    BGR = "BGR",
    /// Four bytes a pixel, the last is alpha.
    RGBA = "RGBA",
    /// Four bytes a pixel, the last is alpha.
    BGRA = "BGRA",
    /// Four bytes a pixel, the last is not used.
    RGBx = "RGBx",
    /// Four bytes a pixel, the last is not used.
    BGRx = "BGRx",
    /// Luma only.
    GRAY8 = "GRAY8",
}

impl VideoFormat {
    /// The format of that name in caps.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == name)
    }

    /// How its samples are arranged.
    pub const fn family(self) -> Family {
        const RGB: [usize; 3] = [0, 1, 2];
        const BGR: [usize; 3] = [2, 1, 0];
        match self {
            Self::RGB => Family::Rgb {
                bytes: 3,
                rgb: RGB,
                alpha: None,
            },
            Self::BGR => Family::Rgb {
                bytes: 3,
                rgb: BGR,
                alpha: None,
            },
            Self::RGBx => Family::Rgb {
                bytes: 4,
                rgb: RGB,
                alpha: None,
            },
            Self::BGRx => Family::Rgb {
                bytes: 4,
                rgb: BGR,
                alpha: None,
            },
            Self::RGBA => Family::Rgb {
                bytes: 4,
                rgb: RGB,
                alpha: Some(3),
            },
            Self::BGRA => Family::Rgb {
                bytes: 4,
                rgb: BGR,
                alpha: Some(3),
            },
            Self::GRAY8 => Family::Gray,
            Self::I420 => Family::Planar { uv: [1, 2] },
            Self::YV12 => Family::Planar { uv: [2, 1] },
            Self::NV12 => Family::SemiPlanar { uv: [0, 1] },
            Self::NV21 => Family::SemiPlanar { uv: [1, 0] },
            Self::YUY2 => Family::Packed422 { yuyv: [0, 1, 2, 3] },
            Self::UYVY => Family::Packed422 { yuyv: [1, 0, 3, 2] },
        }
    }

    /// Whether its samples are luma and chroma.
    pub const fn is_yuv(self) -> bool {
        !matches!(self.family(), Family::Rgb { .. } | Family::Gray)
    }

    /// Whether its samples are red, green and blue.
    pub const fn is_rgb(self) -> bool {
        matches!(self.family(), Family::Rgb { .. })
    }

    /// Pixels that share chroma, across and down: 2, 2 for I420.
    pub const fn subsampling(self) -> (usize, usize) {
        match self.family() {
            Family::Rgb { .. } | Family::Gray => (1, 1),
            Family::Packed422 { .. } => (2, 1),
            Family::Planar { .. } | Family::SemiPlanar { .. } => (2, 2),
        }
    }
}
