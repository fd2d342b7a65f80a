//! Reads YUV4MPEG2 streams: `filesrc location=clip.y4m ! y4mdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  application/x-yuv4mpeg ──▶ sink [y4mdec] src ──▶ video/x-raw, I420 or GRAY8
//! ```
//!
//! The stream may be cut into buffers anywhere. Times follow from frame numbers.

mod header;

use millstream_sdk::place::{Follows, Place};
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

/// The longest line: a header with some comments, or a frame's.
const MAX_LINE_BYTES: usize = 4_096;
/// The most frames out of one buffer: the host takes 1,024 a call.
const MAX_FRAMES_PER_BUFFER: usize = 1_000;

/// What is before a frame, unless it has parameters.
const FRAME_LINE_BYTES: u64 = 6;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

/// What comes next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Expect {
    Header,
    FrameLine,
    Frame,
    /// So many bytes of a frame of which the beginning is lost.
    Rest(u64),
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    header: Option<Vec<u8>>,
    expect: Expect,
    pending: Vec<u8>,
    frame: u64,
    place: Place,
}

/// What the header fixed.
struct Stream {
    info: VideoInfo,
    /// Bytes of a frame in the stream, where rows have no padding.
    frame_bytes: usize,
}

/// The element.
pub struct Y4mDec {
    expect: Expect,
    /// A line or frame of which only the beginning has come.
    pending: Vec<u8>,
    /// The stream's first line.
    header: Option<Vec<u8>>,
    stream: Option<Stream>,
    /// Number of the next frame.
    frame: u64,
    place: Place,
}

impl Element for Y4mDec {
    const INFO: Info = Info::new(
        "y4mdec",
        "Codec/Demuxer/Decoder/Video",
        "Reads YUV4MPEG2 streams",
    );
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", "application/x-yuv4mpeg, y4mversion=2"),
        PadTemplate::src(
            "src",
            "video/x-raw, format={ I420, GRAY8 }, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]",
        )
        .caps_from_data(),
    ];
    type Settings = ();

    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self {
            expect: Expect::Header,
            pending: Vec::new(),
            header: None,
            stream: None,
            frame: 0,
            place: Place::default(),
        })
    }

    fn chain(&mut self, ctx: &Context, _pad: u32, buffer: Buffer) -> Flow {
        if let (None, Some(line)) = (&self.stream, self.header.clone()) {
            // That of another instance.
            self.begin(ctx, &line)?;
        }
        let view = buffer.map();
        let known = match self.place.step(&buffer.timing(), view.len()) {
            Follows::After(known) => known,
            Follows::Gap(bytes) => {
                self.miss(bytes);
                0
            }
        };
        let (mut input, first) = (view.get(known..).unwrap_or_default(), self.frame);
        while !input.is_empty() {
            if (self.frame - first) as usize >= MAX_FRAMES_PER_BUFFER {
                let message = format!("over {MAX_FRAMES_PER_BUFFER} frames in one buffer");
                let hint = "smaller buffers help: `filesrc blocksize=4096`";
                return Err(Failure::not_supported(message).hint(hint));
            }
            self.step(ctx, &mut input)?;
        }
        Ok(Outcome::Nothing)
    }

    fn handle_event(&mut self, _: &Context, _: u32, event: &Event) -> Result<Disposition, Failure> {
        if *event == Event::Eos {
            self.finish()?;
        }
        Ok(Disposition::Forward)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut saved = Saved {
            header: self.header.clone(),
            expect: self.expect,
            pending: Vec::new(),
            frame: self.frame,
            place: self.place,
        };
        if self.pending.len() <= state::MAX_PENDING {
            saved.pending.clone_from(&self.pending);
        } else if let Some(stream) = &self.stream {
            // Too much: the frame is lost.
            let rest = stream.frame_bytes.saturating_sub(self.pending.len());
            saved.expect = Expect::Rest(rest as u64);
            saved.frame = self.frame.saturating_add(1);
        }
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        let frame = state::count("frames", saved.frame)?;
        if let Some(line) = &saved.header {
            header::parse(line)?;
        } else if saved.expect != Expect::Header {
            return Err(Failure::failed("state of frames without a header"));
        }
        (self.header, self.stream) = (saved.header, None);
        (self.expect, self.pending) = (saved.expect, saved.pending);
        (self.frame, self.place) = (frame, saved.place);
        Ok(())
    }
}
element!(Y4mDec: Element);

impl Y4mDec {
    /// Takes the next part of the stream, or what there is of it.
    fn step(&mut self, ctx: &Context, input: &mut &[u8]) -> Result<(), Failure> {
        match self.expect {
            Expect::Header => {
                if let Some(line) = self.line(input)? {
                    self.begin(ctx, &line)?;
                    self.header = Some(line);
                    self.expect = Expect::FrameLine;
                }
            }
            Expect::FrameLine => {
                if let Some(line) = self.line(input)? {
                    if !(line == b"FRAME" || line.starts_with(b"FRAME ")) {
                        let message = format!("frame {} does not begin with `FRAME`", self.frame);
                        return Err(Failure::bad_data(message));
                    }
                    self.expect = Expect::Frame;
                }
            }
            Expect::Frame => self.frame(ctx, input)?,
            Expect::Rest(bytes) => {
                let now = bytes.min(input.len() as u64);
                *input = input.get(now as usize..).unwrap_or_default();
                self.expect = match bytes - now {
                    0 => Expect::FrameLine,
                    rest => Expect::Rest(rest),
                };
            }
        }
        Ok(())
    }

    /// So many bytes are missing: goes on with the first frame that is whole. Frames
    /// are as long as each other where their lines have no parameters.
    fn miss(&mut self, bytes: u64) {
        let Some(stream) = &self.stream else {
            return;
        };
        let length = FRAME_LINE_BYTES + stream.frame_bytes as u64;
        let pending = self.pending.len() as u64;
        // How far it is in the frame that is next.
        let at = match self.expect {
            Expect::Header => return,
            Expect::FrameLine => pending.saturating_add(bytes),
            Expect::Frame => (FRAME_LINE_BYTES + pending).saturating_add(bytes),
            Expect::Rest(rest) if bytes < rest => {
                self.expect = Expect::Rest(rest - bytes);
                return;
            }
            Expect::Rest(rest) => bytes - rest,
        };
        let lost = at.div_ceil(length);
        self.expect = match at % length {
            0 => Expect::FrameLine,
            part => Expect::Rest(length - part),
        };
        self.pending.clear();
        let first = self.frame;
        self.frame = self.frame.saturating_add(lost);
        log!(
            Level::Warning,
            "{bytes} bytes are missing: {lost} frames from number {first} on are lost"
        );
    }

    /// The next line without its end, once all of it has come.
    fn line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.pending.len() + part.len() > MAX_LINE_BYTES {
            self.pending.clear();
            *input = &[];
            let message = format!("a line has over {MAX_LINE_BYTES} bytes");
            return Err(Failure::bad_data(message).hint("is the file really a `.y4m`?"));
        }
        self.pending.extend_from_slice(part);
        *input = rest.get(1..).unwrap_or_default();
        Ok(end.map(|_| core::mem::take(&mut self.pending)))
    }

    /// Settles the caps.
    fn begin(&mut self, ctx: &Context, line: &[u8]) -> Result<(), Failure> {
        let caps = header::parse(line)?.to_caps();
        let info = VideoInfo::from_caps(&ctx.negotiate(src_pad(ctx)?, &caps)?)?;
        let frame_bytes = info
            .planes()
            .iter()
            .map(|plane| plane.row_bytes * plane.height)
            .sum();
        self.stream = Some(Stream { info, frame_bytes });
        Ok(())
    }

    /// Takes a frame's bytes, and sends it once it is complete.
    fn frame(&mut self, ctx: &Context, input: &mut &[u8]) -> Result<(), Failure> {
        let Some(stream) = &self.stream else {
            return Err(Failure::failed("a frame came before the header"));
        };
        let missing = stream.frame_bytes.saturating_sub(self.pending.len());
        let (part, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        let whole = if self.pending.is_empty() && part.len() == missing {
            part
        } else {
            self.pending.extend_from_slice(part);
            &self.pending
        };
        if whole.len() < stream.frame_bytes {
            return Ok(());
        }
        let mut output = ctx.allocate(stream.info.size);
        unpack(&stream.info, whole, &mut output)?;
        output.set_timing(timing(&stream.info, self.frame));
        ctx.push(src_pad(ctx)?, output);
        self.pending.clear();
        self.frame = self.frame.saturating_add(1);
        self.expect = Expect::FrameLine;
        Ok(())
    }

    /// Says what the end of the stream cut off.
    fn finish(&mut self) -> Result<(), Failure> {
        let got = self.pending.len();
        match (self.expect, &self.stream) {
            (Expect::Header, _) if got == 0 => {
                return Err(Failure::bad_data(
                    "the stream is empty: no YUV4MPEG2 header",
                ));
            }
            (Expect::Header, _) => {
                return Err(Failure::bad_data(format!(
                    "the stream ends in its header, at {got} bytes"
                )));
            }
            (Expect::Frame, Some(Stream { frame_bytes, .. })) => {
                let frame = self.frame;
                log!(
                    Level::Warning,
                    "cut off: frame {frame} has {got} of {frame_bytes} bytes"
                );
            }
            (Expect::FrameLine, _) if got > 0 => {
                log!(
                    Level::Warning,
                    "cut off: frame {} has nothing but {got} bytes",
                    self.frame
                );
            }
            _ => {}
        }
        self.pending = Vec::new();
        Ok(())
    }
}

fn src_pad(ctx: &Context) -> Result<u32, Failure> {
    ctx.pad("src")
        .ok_or_else(|| Failure::failed("no pad `src`"))
}

/// Copies a frame without padding to where its rows lie in a buffer.
fn unpack(info: &VideoInfo, bytes: &[u8], output: &mut Buffer) -> Result<(), Failure> {
    let mut view = output.map_overwrite();
    let mut frame = VideoFrameMut::new(info, &mut view)?;
    let mut rest = bytes;
    for index in 0..info.planes().len() {
        for row in frame.plane_mut(index).rows_mut() {
            let (from, after) = rest.split_at_checked(row.len()).unwrap_or_default();
            if from.len() == row.len() {
                row.copy_from_slice(from);
            }
            rest = after;
        }
    }
    Ok(())
}

fn timing(info: &VideoInfo, n: u64) -> Timing {
    let flags = if n == 0 {
        BufferFlags::DISCONT
    } else {
        BufferFlags::empty()
    };
    let pts = info.frame_time(n);
    let duration = info.frame_time(n.saturating_add(1)).saturating_sub(pts);
    Timing {
        pts: Some(pts),
        duration: Some(duration),
        offset: Some(n),
        offset_end: Some(n.saturating_add(1)),
        flags,
        ..Timing::default()
    }
}
