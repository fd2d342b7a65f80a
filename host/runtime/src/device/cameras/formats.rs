//! What a camera can send, as caps, and where a frame ends in a driver's buffer.

use millstream_core::caps::{Caps, Fraction, Structure, Value};
use nokhwa::utils::{CameraFormat, FrameFormat, Resolution};

use crate::device::DeviceError;

/// A camera that claims more is misread (see [`plausible`]).
const MAX_FPS: u32 = 480;
/// As wide or high as frames get in the SDK.
const MAX_DIMENSION: u32 = 16_384;

/// A format and a size, with the frame rates that the driver claims, in its order.
pub(super) type Mode = (FrameFormat, Resolution, Vec<u32>);

/// All modes as caps. First those that run at 30 frames a second, then large
/// before small, raw before compressed.
pub(super) fn caps_of(modes: Vec<Mode>) -> Caps {
    let mut ranked: Vec<_> = modes
        .into_iter()
        .filter(|(_, size, _)| is_plain(*size))
        .filter_map(|(format, size, rates)| {
            let rates = plausible(rates);
            let fastest = (*rates.first()?).min(30);
            let pixels = u64::from(size.width()) * u64::from(size.height());
            Some((
                (fastest, pixels, format != FrameFormat::MJPEG),
                structure(format, size, &rates),
            ))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    Caps::new(ranked.into_iter().map(|(_, structure)| structure).collect())
}

/// Whether rows of every format follow each other without padding, so that the
/// camera's layout is the one that caps mean.
fn is_plain(size: Resolution) -> bool {
    let (width, height) = (size.width(), size.height());
    let fits = |value| (1..=MAX_DIMENSION).contains(&value);
    fits(width) && fits(height) && width % 4 == 0 && height % 2 == 0
}

/// The frame rates that can be what they say, fastest first.
///
/// nokhwa knows whole rates only and reads 7.5 (2/15 s) as 15. Drivers list rates
/// in order, so that a misread one usually stands out as faster than the rate
/// before it. nokhwa could not set it either.
fn plausible(mut rates: Vec<u32>) -> Vec<u32> {
    rates.retain(|rate| (1..=MAX_FPS).contains(rate));
    if rates.first() < rates.last() {
        rates.reverse();
    }
    let mut slowest = u32::MAX;
    rates.retain(|rate| {
        let fits = *rate < slowest;
        slowest = slowest.min(*rate);
        fits
    });
    rates
}

const RAW: [(FrameFormat, &str); 5] = [
    (FrameFormat::YUYV, "YUY2"),
    (FrameFormat::NV12, "NV12"),
    (FrameFormat::GRAY, "GRAY8"),
    (FrameFormat::RAWRGB, "RGB"),
    (FrameFormat::RAWBGR, "BGR"),
];

fn structure(format: FrameFormat, size: Resolution, rates: &[u32]) -> Structure {
    let structure = match RAW.iter().find(|(known, _)| *known == format) {
        Some((_, name)) => Structure::new("video/x-raw").field("format", *name),
        None => Structure::new("image/jpeg"),
    };
    let rates: Vec<Fraction> = rates
        .iter()
        .map(|rate| Fraction::new(*rate as i32, 1))
        .collect();
    let rates = match rates.as_slice() {
        [rate] => Value::from(*rate),
        _ => Value::from(rates),
    };
    structure
        .field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .field("framerate", rates)
}

pub(super) fn format_of(caps: &Caps) -> Result<CameraFormat, DeviceError> {
    let read = || {
        let structure = caps.first()?;
        let format = match structure.name.as_str() {
            "image/jpeg" => FrameFormat::MJPEG,
            _ => {
                RAW.iter()
                    .find(|(_, name)| structure.string("format") == Some(name))?
                    .0
            }
        };
        let size = |name| u32::try_from(structure.int(name)?).ok();
        let size = Resolution::new(size("width")?, size("height")?);
        let rate = structure
            .fraction("framerate")
            .filter(|rate| rate.denominator == 1)?;
        let rate = u32::try_from(rate.numerator).ok()?;
        is_plain(size).then(|| CameraFormat::new(size, format, rate))
    };
    read().ok_or_else(|| {
        let message = format!("no camera can be set to `{caps}`");
        DeviceError {
            message,
            hint: Some("ask for caps that the camera offers".to_owned()),
        }
    })
}

/// Bytes of the frame at the start of a driver's buffer; none if it is damaged.
pub(super) fn frame_size(format: CameraFormat, bytes: &[u8]) -> Option<usize> {
    let pixels = format.width() as usize * format.height() as usize;
    match format.format() {
        FrameFormat::MJPEG => jpeg_size(bytes),
        FrameFormat::YUYV => Some(pixels * 2),
        FrameFormat::NV12 => Some(pixels * 3 / 2),
        FrameFormat::GRAY => Some(pixels),
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => Some(pixels * 3),
    }
}

/// Bytes of the JPEG picture at the start; none if it is damaged or cut off.
///
/// Behind it a driver's buffer holds what is left of longer pictures before, so
/// that looking for the last end marker would not do.
///
/// # Source
/// ITU-T T.81, annex B: markers, segments and entropy-coded data.
fn jpeg_size(bytes: &[u8]) -> Option<usize> {
    bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut at = 2;
    loop {
        // In front of a marker: between segments, or anywhere in a scan's data.
        while *bytes.get(at)? != 0xff {
            at += 1;
        }
        match *bytes.get(at + 1)? {
            0xd9 => return Some(at + 2),
            // Fill, a stuffed 0xff of a scan, or a marker that stands alone.
            0xff => at += 1,
            0x00 | 0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
                at += 2 + usize::from(u16::from_be_bytes(length)).max(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(format: FrameFormat, width: u32, height: u32, rates: &[u32]) -> Mode {
        (format, Resolution::new(width, height), rates.to_vec())
    }

    #[test]
    fn caps_list_smooth_and_large_first() {
        let caps = caps_of(vec![
            mode(FrameFormat::YUYV, 1280, 720, &[10, 15, 5]),
            mode(FrameFormat::YUYV, 640, 480, &[30, 15]),
            mode(FrameFormat::MJPEG, 640, 480, &[30]),
            mode(FrameFormat::MJPEG, 1280, 720, &[60, 30]),
            mode(FrameFormat::NV12, 641, 480, &[30]),
            mode(FrameFormat::GRAY, 640, 480, &[]),
        ]);
        let expected: Caps = "image/jpeg, width=1280, height=720, framerate={ 60/1, 30/1 }; \
             video/x-raw, format=YUY2, width=640, height=480, framerate={ 30/1, 15/1 }; \
             image/jpeg, width=640, height=480, framerate=30/1; \
             video/x-raw, format=YUY2, width=1280, height=720, framerate={ 10/1, 5/1 }"
            .parse()
            .unwrap();
        assert_eq!(caps.to_string(), expected.to_string());
    }

    #[test]
    fn rates_that_were_misread_are_left_out() {
        let check = |rates: &[u32], expected: &[u32]| {
            assert_eq!(plausible(rates.to_vec()), expected, "{rates:?}");
        };
        check(&[30, 25, 20, 15, 10, 15, 5], &[30, 25, 20, 15, 10, 5]);
        check(&[1, 2, 5, 25, 15, 30], &[30, 15, 5, 2, 1]);
        check(&[30, 30, 30_000, 0], &[30]);
        check(&[], &[]);
    }

    #[test]
    fn fixed_caps_become_the_format_that_they_came_from() {
        for format in RAW
            .map(|(format, _)| format)
            .into_iter()
            .chain([FrameFormat::MJPEG])
        {
            let wanted = CameraFormat::new(Resolution::new(640, 480), format, 30);
            let caps = caps_of(vec![(format, wanted.resolution(), vec![30])]);
            assert_eq!(format_of(&caps).unwrap(), wanted);
        }
        for wrong in [
            "image/jpeg, width=640, height=480, framerate=15/2",
            "video/x-raw, format=I420, width=640, height=480, framerate=30/1",
            "video/x-raw, format=RGB, width=641, height=480, framerate=30/1",
            "image/jpeg",
            "ANY",
        ] {
            assert!(format_of(&wrong.parse().unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_picture_ends_at_its_own_end_marker() {
        let picture = [
            0xff, 0xd8, // start
            0xff, 0xe0, 0x00, 0x06, 0xff, 0xd9, 0xff, 0xd9, // a segment that looks like ends
            0xff, 0xda, 0x00, 0x02, 7, 0xff, 0x00, 7, 0xff, 0xd3, 7, 0xff, // a scan
            0xff, 0xd9, // end
        ];
        let mut buffer = picture.to_vec();
        assert_eq!(jpeg_size(&buffer), Some(picture.len()));
        buffer.extend([1, 2, 3, 0xff, 0xd9, 0, 0]);
        assert_eq!(jpeg_size(&buffer), Some(picture.len()));
        for cut in 0..picture.len() {
            assert_eq!(jpeg_size(&picture[..cut]), None, "{cut}");
        }
        assert_eq!(jpeg_size(&[0; 64]), None);
    }
}
