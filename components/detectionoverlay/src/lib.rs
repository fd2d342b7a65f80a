//! `detectionoverlay`: draws what detectors found onto video.
//!
//! Pads `sink` and `src` carry the same `video/x-raw`. Each detection of a layer
//! gets a box in the colour of its class and a tag such as `star 0.93`. Pixels
//! outside of them are not touched; a frame without detections passes as it is.
//!
//! ```text
//! videotestsrc pattern=ball ! detectionoverlay layer=ground-truth ! fakesink
//! ```
//!
//! `palette` has the colours, `canvas` fills areas of a frame in any format,
//! `letters` turns text into masks, `draw` places boxes and tags.

mod palette;
mod canvas;
mod letters;
mod draw;

use millstream_sdk::prelude::*;

use canvas::{Canvas, Paint};
use draw::{Label, Pen};
use letters::Letters;

/// Height of letters by the frame's height, where the user leaves it open.
const FONT_SHARE: f32 = 1.0 / 34.0;
/// The smallest letters in pixels that can be read.
const SMALLEST_FONT: f32 = 11.0;
/// Thickness of lines by the frame's height, where the user leaves it open.
const LINE_SHARE: f32 = 1.0 / 240.0;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Writes the name of the class beside each box.
        labels: bool = true => [playing],
        /// Writes how sure the detector is, from 0 to 1, beside each box.
        confidence: bool = true => [playing],
        /// Thickness of lines; 0 goes by the height of the picture, at least 2.
        thickness: u32 = 0 => [range(0, 64), unit("px"), playing],
        /// Size of letters; 0 goes by the height of the picture, at least 11.
        font_size: u32 = 0 => [range(0, 512), unit("px"), playing],
        /// The layer of detections to draw: `objects`, or a test source's `ground-truth`.
        layer: String = OBJECTS.to_owned() => [playing],
        /// How far the drawing hides what is under it.
        opacity: f64 = 1.0 => [range(0.0, 1.0), playing],
    }
}

/// What caps and settings fix.
#[derive(Debug)]
struct State {
    info: VideoInfo,
    paints: Vec<[Paint; 2]>,
    letters: Letters,
    pen: Pen,
    label: Label,
}

impl State {
    fn new(settings: &Settings, info: VideoInfo) -> Result<Self, Failure> {
        let height = info.height as f32;
        let size = match settings.font_size {
            0 => (height * FONT_SHARE).round().max(SMALLEST_FONT),
            size => size as f32,
        };
        let thickness = match settings.thickness {
            0 => (height * LINE_SHARE).round().max(2.0) as i32,
            thickness => thickness as i32,
        };
        Ok(Self {
            paints: palette::paints(&info),
            letters: Letters::new(size)?,
            pen: Pen {
                thickness,
                opacity: (settings.opacity * 256.0).round() as u32,
            },
            label: Label::new(settings.labels, settings.confidence),
            info,
        })
    }
}

/// The element.
#[derive(Debug)]
pub struct DetectionOverlay {
    settings: Settings,
    state: Option<State>,
}

impl InPlace for DetectionOverlay {
    const INFO: Info = Info::new(
        "detectionoverlay",
        "Filter/Effect/Video",
        "Draws boxes and labels of detections onto video",
    );
    const CAPS: &'static str = "video/x-raw, format=(string){ RGB, BGR, RGBA, BGRA, RGBx, BGRx, \
         GRAY8, I420, YV12, NV12, NV21 }, width=(int)[ 1, 16384 ], height=(int)[ 1, 16384 ], \
         framerate=(fraction)[ 0/1, 2147483647/1 ]";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
        })
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        self.state = Some(State::new(&self.settings, VideoInfo::from_caps(caps)?)?);
        Ok(())
    }

    fn process(&mut self, _: &Context, mut buffer: Buffer) -> Flow {
        let Some(state) = &mut self.state else {
            return Err(Failure::not_negotiated("a buffer came before caps"));
        };
        let State {
            info,
            paints,
            letters,
            pen,
            label,
        } = state;
        let found = buffer.detections(&self.settings.layer);
        if found.is_empty() || pen.opacity == 0 {
            return Ok(buffer.into());
        }
        let mut view = buffer.map_mut();
        let mut frame = VideoFrameMut::new(info, &mut view)?;
        let mut canvas = Canvas::new(&mut frame, pen.opacity);
        // Detectors put the surest first; what is drawn last lies on top.
        for detection in found.iter().rev() {
            let [paint, _] = palette::pick(paints, detection.class_id);
            pen.outline(&mut canvas, detection.rect, paint);
        }
        for detection in found.iter().rev() {
            let paints = palette::pick(paints, detection.class_id);
            pen.tag(
                &mut canvas,
                letters,
                label.write(detection),
                detection.rect,
                paints,
            );
        }
        drop(view);
        Ok(buffer.into())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        if let Some(State { info, .. }) = self.state.take() {
            self.state = Some(State::new(&settings, info)?);
        }
        self.settings = settings;
        Ok(())
    }
}
element!(DetectionOverlay: InPlace);
