//! `videoconvert`: converts video between pixel formats and colorimetries.
//!
//! Pads `sink` and `src` carry `video/x-raw` of the same size in any two formats.
//! Where nothing has to be done, buffers pass as they are.
//!
//! ```text
//! videotestsrc ! video/x-raw,format=I420 ! videoconvert ! video/x-raw,format=RGB ! fakesink
//! ```
//!
//! `negotiate` picks the format that loses least, `matrix` composes the colour
//! maths when caps are set, `convert` walks the rows, `rows`, `lift` (with the
//! arithmetic of `kernel`) and `fold` are its loops.

mod negotiate;
mod matrix;
mod convert;
mod rows;
mod lift;
mod kernel;
mod fold;

use millstream_sdk::describe::Direction;
use millstream_sdk::prelude::*;
use millstream_sdk::video::ANY_RAW;

use convert::Converter;

/// What caps fix.
#[derive(Debug)]
struct State {
    from: VideoInfo,
    to: VideoInfo,
    /// None where frames are the same already.
    converter: Option<Converter>,
}

/// The element.
#[derive(Debug)]
pub struct VideoConvert {
    state: Option<State>,
}

impl VideoConvert {
    fn state(&self) -> Result<&State, Failure> {
        self.state
            .as_ref()
            .ok_or_else(|| Failure::not_negotiated("a buffer came before caps"))
    }
}

impl Transform for VideoConvert {
    const INFO: Info = Info::new(
        "videoconvert",
        "Filter/Converter/Video/Colorspace",
        "Converts video between pixel formats and colorimetries",
    )
    .stateless();
    const SINK_CAPS: &'static str = ANY_RAW;
    const SRC_CAPS: &'static str = ANY_RAW;
    type Settings = ();

    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self { state: None })
    }

    fn transform_caps(&self, _: Direction, caps: &Caps) -> Result<Caps, Failure> {
        Ok(negotiate::transform_caps(caps))
    }

    fn fixate(&self, caps: Caps, sink_caps: &Caps) -> Result<Caps, Failure> {
        Ok(negotiate::fixate(caps, sink_caps))
    }

    fn set_caps(&mut self, sink: &Caps, src: &Caps) -> Result<(), Failure> {
        let (from, to) = (VideoInfo::from_caps(sink)?, VideoInfo::from_caps(src)?);
        if (from.width, from.height) != (to.width, to.height) {
            let sizes = [from.width, from.height, to.width, to.height];
            let [width, height, out_width, out_height] = sizes;
            let message =
                format!("got {width}x{height} for {out_width}x{out_height}, expected equal sizes");
            return Err(Failure::not_negotiated(message).hint("put `videoscale` beside it"));
        }
        let same = from.format == to.format && from.colorimetry == to.colorimetry;
        let converter = (!same).then(|| Converter::new(&from, &to));
        self.state = Some(State {
            from,
            to,
            converter,
        });
        Ok(())
    }

    fn is_passthrough(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.converter.is_none())
    }

    fn output_size(&self, _: &Buffer) -> Result<usize, Failure> {
        Ok(self.state()?.to.size)
    }

    fn transform(&mut self, input: &Buffer, output: &mut Buffer) -> Result<(), Failure> {
        let Some(State {
            from,
            to,
            converter: Some(converter),
        }) = &mut self.state
        else {
            return Err(Failure::not_negotiated("a buffer came before caps"));
        };
        let (input, mut output) = (input.map(), output.map_overwrite());
        let frame = VideoFrame::new(from, &input)?;
        converter.convert(&frame, &mut VideoFrameMut::new(to, &mut output)?);
        Ok(())
    }
}
element!(VideoConvert: Transform);
