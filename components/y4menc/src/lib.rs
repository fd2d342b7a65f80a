//! Writes YUV4MPEG2 streams: `videotestsrc ! y4menc ! filesink location=out.y4m`.
//!
//! ```text
//!  video/x-raw, I420 or GRAY8 ──▶ sink [y4menc] src ──▶ application/x-yuv4mpeg
//! ```
//!
//! A buffer out is a frame with its `FRAME` line; the first one begins with the
//! stream's header.
//!
//! # Source
//! `yuv4mpeg(5)` of mjpegtools.

use millstream_sdk::prelude::*;
use millstream_sdk::state;
use millstream_sdk::video::ColorRange;

const FRAME_LINE: &[u8] = b"FRAME\n";
/// Of what is handed over: the header, if it is out.
const STATE_VERSION: u32 = 1;

/// What the caps fixed.
struct State {
    info: VideoInfo,
    /// The stream's first line.
    header: Vec<u8>,
    /// Bytes of a frame without the padding of rows.
    frame_bytes: usize,
}

/// The element.
pub struct Y4mEnc {
    state: Option<State>,
    /// The header is out.
    begun: bool,
}

impl Transform for Y4mEnc {
    const INFO: Info = Info::new("y4menc", "Codec/Encoder/Video", "Writes YUV4MPEG2 streams");
    const SINK_CAPS: &'static str = "video/x-raw, format={ I420, GRAY8 }, \
        width=[ 1, 16384 ], height=[ 1, 16384 ], framerate=[ 0/1, 2147483647/1 ]";
    const SRC_CAPS: &'static str = "application/x-yuv4mpeg, y4mversion=2";
    type Settings = ();

    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self {
            state: None,
            begun: false,
        })
    }

    fn transform_caps(&self, given: Direction, _: &Caps) -> Result<Caps, Failure> {
        let text = if given == Direction::Sink {
            Self::SRC_CAPS
        } else {
            Self::SINK_CAPS
        };
        text.parse()
            .map_err(|error| Failure::not_negotiated(format!("caps `{text}`: {error}")))
    }

    fn set_caps(&mut self, sink: &Caps, _: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(sink)?;
        let header = header(&info);
        if self.begun
            && self
                .state
                .as_ref()
                .is_some_and(|state| state.header != header)
        {
            let message = format!("the video changed to `{sink}`, which a y4m stream cannot do");
            let hint = "put `videoscale ! videoconvert !` and fixed caps before `y4menc`";
            return Err(Failure::not_negotiated(message).hint(hint));
        }
        let frame_bytes = info
            .planes()
            .iter()
            .map(|plane| plane.row_bytes * plane.height)
            .sum();
        self.state = Some(State {
            info,
            header,
            frame_bytes,
        });
        Ok(())
    }

    fn output_size(&self, _: &Buffer) -> Result<usize, Failure> {
        let State {
            header,
            frame_bytes,
            ..
        } = self.state()?;
        let header_bytes = if self.begun { 0 } else { header.len() };
        Ok(header_bytes + FRAME_LINE.len() + frame_bytes)
    }

    fn transform(&mut self, input: &Buffer, output: &mut Buffer) -> Result<(), Failure> {
        let State { info, header, .. } = self.state()?;
        let (from, mut to) = (input.map(), output.map_overwrite());
        let frame = VideoFrame::new(info, &from)?;
        let mut rest = Rest(&mut to);
        if !self.begun {
            rest.put(header);
        }
        rest.put(FRAME_LINE);
        for index in 0..info.planes().len() {
            frame.plane(index).rows().for_each(|row| rest.put(row));
        }
        self.begun = true;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let header = self.state.as_ref().map(|state| &state.header);
        state::to_bytes(STATE_VERSION, &header.filter(|_| self.begun))
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let header: Option<Vec<u8>> = state::from_bytes(STATE_VERSION, bytes)?;
        let begun = header.is_some();
        if header.is_some_and(|header| self.state().is_ok_and(|now| now.header != header)) {
            let message = "the stream was begun with video of another kind";
            return Err(Failure::not_negotiated(message));
        }
        self.begun = begun;
        Ok(())
    }
}
element!(Y4mEnc: Transform);

impl Y4mEnc {
    fn state(&self) -> Result<&State, Failure> {
        self.state
            .as_ref()
            .ok_or_else(|| Failure::not_negotiated("a buffer came before caps"))
    }
}

/// What is left of a buffer to fill.
struct Rest<'a>(&'a mut [u8]);

impl Rest<'_> {
    /// Writes bytes at its front.
    fn put(&mut self, bytes: &[u8]) {
        let all = core::mem::take(&mut self.0);
        if let Some((to, after)) = all.split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.0 = after;
        }
    }
}

/// The stream's first line.
fn header(info: &VideoInfo) -> Vec<u8> {
    let VideoInfo {
        width,
        height,
        fps,
        par,
        colorimetry,
        ..
    } = info;
    let pixels = if info.format == VideoFormat::GRAY8 {
        "mono"
    } else {
        "420jpeg"
    };
    let range = if colorimetry.range == ColorRange::Full {
        "FULL"
    } else {
        "LIMITED"
    };
    // A frame rate that is not known is 0:0 here and 0/1 in caps.
    let (above, below) = match (fps.numerator, fps.denominator) {
        (..=0, _) => (0, 0),
        known => known,
    };
    let par = format!("{}:{}", par.numerator, par.denominator);
    format!(
        "YUV4MPEG2 W{width} H{height} F{above}:{below} Ip A{par} C{pixels} XCOLORRANGE={range}\n"
    )
    .into_bytes()
}
