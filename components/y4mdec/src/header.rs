//! The first line of a stream: `YUV4MPEG2 W640 H480 F25:1 Ip A1:1 C420jpeg`.
//!
//! # Source
//! `yuv4mpeg(5)` of mjpegtools, section "Stream header".

use millstream_sdk::caps::Fraction;
use millstream_sdk::video::{ColorRange, VideoFormat, VideoInfo};
use millstream_sdk::{Failure, bus::Level, log};

const MAGIC: &str = "YUV4MPEG2";
/// Where the stream does not know its frame rate.
const DEFAULT_FRAMERATE: (i32, i32) = (25, 1);
/// The largest frame: what a buffer can hold.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;

/// What the parameters say, as far as they have been read.
struct Header {
    width: Option<usize>,
    height: Option<usize>,
    fps: Fraction,
    par: Fraction,
    format: VideoFormat,
    range: Option<ColorRange>,
}

/// Reads the line, without its end.
pub(crate) fn parse(line: &[u8]) -> Result<VideoInfo, Failure> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    if words.next() != Some(MAGIC) {
        let message = format!("the stream does not begin with `{MAGIC}`");
        return Err(Failure::bad_data(message).hint("is the file really a `.y4m`?"));
    }
    let mut header = Header {
        width: None,
        height: None,
        fps: Fraction::new(DEFAULT_FRAMERATE.0, DEFAULT_FRAMERATE.1),
        par: Fraction::new(1, 1),
        format: VideoFormat::I420,
        range: None,
    };
    words.try_for_each(|word| header.parameter(word))?;
    header.info()
}

impl Header {
    fn parameter(&mut self, word: &str) -> Result<(), Failure> {
        let wrong = || Failure::bad_data(format!("parameter `{word}` of the stream is damaged"));
        let mut letters = word.chars();
        let (tag, value) = (letters.next(), letters.as_str());
        match tag {
            Some('W') => self.width = Some(value.parse().ok().ok_or_else(wrong)?),
            Some('H') => self.height = Some(value.parse().ok().ok_or_else(wrong)?),
            Some('F') if is_unknown(value) => {
                log!(
                    Level::Info,
                    "the stream has no frame rate, taking {}",
                    self.fps
                );
            }
            Some('F') => self.fps = ratio(value).ok_or_else(wrong)?,
            Some('A') if is_unknown(value) => {}
            Some('A') => self.par = ratio(value).ok_or_else(wrong)?,
            Some('I') if !matches!(value, "p" | "?") => return Err(interlaced(value)),
            Some('C') => self.format = format(value)?,
            Some('X') => self.range = range(value).or(self.range),
            // Extensions that nobody knows are no reason to fail.
            _ => {}
        }
        Ok(())
    }

    fn info(self) -> Result<VideoInfo, Failure> {
        let (Some(width), Some(height)) = (self.width, self.height) else {
            return Err(Failure::bad_data("the stream says no width and height"));
        };
        let mut info = VideoInfo::new(self.format, width, height)?.with_fps(self.fps);
        if info.size > MAX_FRAME_BYTES {
            let message = format!("frames of {width}x{height} have {} bytes", info.size);
            let message = format!("{message}, expected {MAX_FRAME_BYTES} at most");
            return Err(Failure::not_supported(message));
        }
        info.par = self.par;
        info.colorimetry.range = self.range.unwrap_or(info.colorimetry.range);
        Ok(info)
    }
}

/// `0:0`.
fn is_unknown(ratio: &str) -> bool {
    ratio.split_once(':').is_some_and(|(above, _)| above == "0")
}

/// `30000:1001`.
fn ratio(text: &str) -> Option<Fraction> {
    let (above, below) = text.split_once(':')?;
    let (above, below) = (above.parse::<i32>().ok()?, below.parse::<i32>().ok()?);
    (above > 0 && below > 0).then(|| Fraction::new(above, below))
}

fn format(name: &str) -> Result<VideoFormat, Failure> {
    match name {
        // They differ in where chroma lies, by less than a pixel.
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(VideoFormat::I420),
        "mono" => Ok(VideoFormat::GRAY8),
        other => {
            let message = format!("got pixels `C{other}`, expected 4:2:0 or mono of 8 bits");
            let hint = "convert it: `ffmpeg -i in.y4m -pix_fmt yuv420p out.y4m`";
            Err(Failure::not_supported(message).hint(hint))
        }
    }
}

fn range(extension: &str) -> Option<ColorRange> {
    match extension {
        "COLORRANGE=FULL" => Some(ColorRange::Full),
        "COLORRANGE=LIMITED" => Some(ColorRange::Limited),
        _ => None,
    }
}

fn interlaced(mode: &str) -> Failure {
    Failure::not_supported(format!(
        "got interlaced video (`I{mode}`), expected progressive"
    ))
    .hint("convert it: `ffmpeg -i in.y4m -vf yadif out.y4m`")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn headers_become_caps() {
        let raw = "video/x-raw, format=(string)";
        for (line, expected) in [
            (
                "W4 H2 F30000:1001 Ip A1:1 C420jpeg",
                "I420, width=(int)4, height=(int)2, framerate=(fraction)30000/1001",
            ),
            (
                "H2 W4",
                "I420, width=(int)4, height=(int)2, framerate=(fraction)25/1",
            ),
            (
                " W4 H2 F0:0 A0:0 I? C420paldv Xfoo",
                "I420, width=(int)4, height=(int)2, framerate=(fraction)25/1",
            ),
            (
                "W4 H2 F5:1 A4:3 Cmono",
                "GRAY8, width=(int)4, height=(int)2, framerate=(fraction)5/1, pixel-aspect-ratio=(fraction)4/3",
            ),
            (
                "W4 H2 F5:1 XCOLORRANGE=FULL",
                "I420, width=(int)4, height=(int)2, framerate=(fraction)5/1, colorimetry=(string)1:4:16:4",
            ),
            (
                "W4 H2 F5:1 XCOLORRANGE=LIMITED",
                "I420, width=(int)4, height=(int)2, framerate=(fraction)5/1",
            ),
        ] {
            let info = parse(format!("YUV4MPEG2 {line}").as_bytes()).unwrap();
            assert_eq!(
                info.to_caps().to_string(),
                format!("{raw}{expected}"),
                "{line}"
            );
        }
    }

    #[test]
    fn wrong_headers_say_why() {
        for (line, expected) in [
            ("RIFF", "does not begin"),
            ("YUV4MPEG2", "no width and height"),
            ("YUV4MPEG2 W4", "no width and height"),
            ("YUV4MPEG2 W-4 H2", "`W-4`"),
            ("YUV4MPEG2 W99999999999999999999999 H2", "`W9999"),
            ("YUV4MPEG2 W0 H2", "0x2"),
            ("YUV4MPEG2 W16385 H2", "16385x2"),
            ("YUV4MPEG2 W16384 H16384", "bytes"),
            ("YUV4MPEG2 W4 H2 F1:0", "`F1:0`"),
            ("YUV4MPEG2 W4 H2 F-1:2", "`F-1:2`"),
            ("YUV4MPEG2 W4 H2 F", "`F`"),
            ("YUV4MPEG2 W4 H2 It", "interlaced"),
            ("YUV4MPEG2 W4 H2 C422", "`C422`"),
            ("YUV4MPEG2 W4 H2 C420p10", "`C420p10`"),
        ] {
            let failure = parse(line.as_bytes()).unwrap_err();
            assert!(
                failure.message.contains(expected),
                "{line}: {}",
                failure.message
            );
        }
    }
}
