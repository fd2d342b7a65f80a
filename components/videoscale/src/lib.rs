//! `videoscale`: scales video, with black borders where the shape differs.
//!
//! Pads `sink` and `src` carry `video/x-raw` of the same format in any two sizes.
//! Equal sizes pass as they are. Rectangles of detections are scaled along.
//!
//! ```text
//! videotestsrc ! videoscale ! video/x-raw,width=640,height=640 ! fakesink
//! ```
//!
//! `negotiate` finds the size that keeps the shape, `geometry` places the picture
//! between its borders, `frame` walks the planes, `plane` scales one, and `columns`
//! has its loops, `few` the one for less than half of the columns.

mod negotiate;
mod geometry;
mod frame;
mod plane;
mod columns;
mod few;

use millstream_sdk::describe::Direction;
use millstream_sdk::prelude::*;
use millstream_sdk::video::ANY_RAW;

use frame::FrameScaler;
use geometry::Placement;

choices! {
    /// How a pixel is made of those around its place.
    pub enum Method {
        /// Of the two nearest in each direction, by their distance.
        Bilinear = "bilinear",
        /// The nearest one.
        NearestNeighbour = "nearest-neighbour",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// How a pixel is made of those around its place.
        method: Method = Method::Bilinear => [playing],
        /// Adds black borders where the shape differs, instead of distorting the picture.
        add_borders: bool = true => [playing],
    }
}

/// What caps and settings fix.
#[derive(Debug)]
struct State {
    from: VideoInfo,
    to: VideoInfo,
    placement: Placement,
    /// None where frames have the right size already.
    scaler: Option<FrameScaler>,
}

impl State {
    fn new(settings: &Settings, from: VideoInfo, to: VideoInfo) -> Self {
        let placement = Placement::new(&from, &to, settings.add_borders);
        let same = placement.width == from.width
            && placement.height == from.height
            && (from.width, from.height) == (to.width, to.height);
        let scaler = (!same).then(|| FrameScaler::new(settings.method, &from, &to, placement));
        Self {
            from,
            to,
            placement,
            scaler,
        }
    }
}

/// The element.
#[derive(Debug)]
pub struct VideoScale {
    settings: Settings,
    state: Option<State>,
}

impl Transform for VideoScale {
    const INFO: Info = Info::new(
        "videoscale",
        "Filter/Converter/Video/Scaler",
        "Scales video, with black borders where the shape differs",
    )
    .stateless();
    const SINK_CAPS: &'static str = ANY_RAW;
    const SRC_CAPS: &'static str = ANY_RAW;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
        })
    }

    fn transform_caps(&self, _: Direction, caps: &Caps) -> Result<Caps, Failure> {
        Ok(negotiate::transform_caps(caps))
    }

    fn fixate(&self, caps: Caps, sink_caps: &Caps) -> Result<Caps, Failure> {
        Ok(negotiate::fixate(caps, sink_caps))
    }

    fn set_caps(&mut self, sink: &Caps, src: &Caps) -> Result<(), Failure> {
        let (from, to) = (VideoInfo::from_caps(sink)?, VideoInfo::from_caps(src)?);
        if from.format != to.format {
            let (got, expected) = (from.format.as_str(), to.format.as_str());
            let message = format!("got format {got} for {expected}, expected equal formats");
            return Err(Failure::not_negotiated(message).hint("put `videoconvert` beside it"));
        }
        self.state = Some(State::new(&self.settings, from, to));
        Ok(())
    }

    fn is_passthrough(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.scaler.is_none())
    }

    fn output_size(&self, _: &Buffer) -> Result<usize, Failure> {
        match &self.state {
            Some(state) => Ok(state.to.size),
            None => Err(Failure::not_negotiated("a buffer came before caps")),
        }
    }

    fn transform(&mut self, input: &Buffer, output: &mut Buffer) -> Result<(), Failure> {
        let Some(State {
            from,
            to,
            placement,
            scaler: Some(scaler),
        }) = &mut self.state
        else {
            return Err(Failure::not_negotiated("a buffer came before caps"));
        };
        for layer in output.detection_layers() {
            let mut detections = output.detections(&layer);
            for detection in &mut detections {
                detection.rect = placement.place(detection.rect);
                for point in &mut detection.keypoints {
                    *point = placement.place_point(*point);
                }
            }
            output.set_detections(&layer, &detections);
        }
        let (input, mut output) = (input.map(), output.map_overwrite());
        let frame = VideoFrame::new(from, &input)?;
        scaler.scale(&frame, &mut VideoFrameMut::new(to, &mut output)?);
        Ok(())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        if let Some(State { from, to, .. }) = self.state.take() {
            self.state = Some(State::new(&settings, from, to));
        }
        self.settings = settings;
        Ok(())
    }
}
element!(VideoScale: Transform);
