//! `detectionoverlay`: draws what detectors, trackers, classifiers and counting
//! elements found onto video.
//!
//! Pads `sink` and `src` carry the same `video/x-raw`. Each detection of a layer
//! gets a box in the colour of its class and a tag such as `star #7 0.93`; masks,
//! key points, trails, classifications and counts are drawn where there are any.
//! Other pixels are not touched; a frame with nothing to draw passes as it is.
//!
//! ```text
//! videotestsrc pattern=ball ! detectionoverlay layer=ground-truth ! fakesink
//! ```
//!
//! `palette` has the colours, `canvas` fills areas and shapes of a frame in any
//! format, `stroke` and `tint` are such shapes, `letters` turns text into masks;
//! `draw` places boxes and tags, `objects` all that belongs to a detection, `panel`
//! what is said of the frame, `counts` lines and zones.

mod palette;
mod canvas;
mod stroke;
mod tint;
mod letters;
mod label;
mod draw;
mod pose;
mod trail;
mod objects;
mod panel;
mod counts;

use millstream_sdk::analytics::Analytics;
use millstream_sdk::buffer::Classification;
use millstream_sdk::prelude::*;

use canvas::{Canvas, Paint, Rows};
use draw::{Pen, Tools};
use label::Label;
use letters::Letters;
use objects::Objects;
use trail::Trails;

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
        /// Writes how sure the model is, from 0 to 1, beside each box and class.
        confidence: bool = true => [playing],
        /// Tints what masks of objects cover.
        masks: bool = true => [playing],
        /// Draws the key points of objects, and the skeletons of persons.
        keypoints: bool = true => [playing],
        /// Writes the number of the track beside each box, such as `#7`.
        tracks: bool = true => [playing],
        /// Draws where tracked objects were in so many frames; 0 draws nothing.
        trail: u32 = 24 => [range(0, 300), unit("frames"), playing],
        /// Writes what classifiers say: of objects under the label, of the frame in
        /// the upper left.
        classifications: bool = true => [playing],
        /// Draws lines and zones with what was counted at them.
        analytics: bool = true => [playing],
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

/// What caps and settings fix, with memory that is kept from frame to frame.
#[derive(Debug)]
struct State {
    info: VideoInfo,
    paints: Vec<[Paint; 2]>,
    /// Of what belongs to no class.
    neutral: [Paint; 2],
    letters: Letters,
    pen: Pen,
    label: Label,
    rows: Rows,
    objects: Objects,
}

/// What there is to draw on a frame.
struct Found {
    objects: Vec<Detection>,
    classes: Vec<Classification>,
    counted: Option<Analytics>,
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
        let pen = Pen {
            thickness,
            opacity: (settings.opacity * 256.0).round() as u32,
        };
        Ok(Self {
            paints: palette::paints(&info),
            neutral: palette::neutral(&info),
            letters: Letters::new(size)?,
            pen,
            label: Label::new(settings.labels, settings.confidence, settings.tracks),
            rows: Rows::default(),
            objects: Objects::new(settings, pen),
            info,
        })
    }

    fn draw(&mut self, buffer: &mut Buffer, found: &Found, trails: &Trails) -> Result<(), Failure> {
        let mut view = buffer.map_mut();
        let mut frame = VideoFrameMut::new(&self.info, &mut view)?;
        let mut canvas = Canvas::new(&mut frame, self.pen.opacity);
        let mut tools = Tools {
            rows: &mut self.rows,
            letters: &mut self.letters,
            label: &mut self.label,
            paints: &self.paints,
            neutral: self.neutral,
            pen: self.pen,
        };
        if let Some(counted) = &found.counted {
            counts::draw(&mut canvas, &mut tools, counted);
        }
        self.objects
            .draw(&mut canvas, &mut tools, &found.objects, trails);
        panel::draw(&mut canvas, &mut tools, &found.classes);
        Ok(())
    }
}

/// The element.
#[derive(Debug)]
pub struct DetectionOverlay {
    settings: Settings,
    state: Option<State>,
    trails: Trails,
    /// It was said that a meta cannot be read.
    complained: bool,
}

impl InPlace for DetectionOverlay {
    const INFO: Info = Info::new(
        "detectionoverlay",
        "Filter/Effect/Video",
        "Draws boxes, masks, key points, tracks, classes and counts onto video",
    );
    const CAPS: &'static str = "video/x-raw, format=(string){ RGB, BGR, RGBA, BGRA, RGBx, BGRx, \
         GRAY8, I420, YV12, NV12, NV21 }, width=(int)[ 1, 16384 ], height=(int)[ 1, 16384 ], \
         framerate=(fraction)[ 0/1, 2147483647/1 ]";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
            trails: Trails::default(),
            complained: false,
        })
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        self.state = Some(State::new(&self.settings, VideoInfo::from_caps(caps)?)?);
        self.trails.clear();
        Ok(())
    }

    fn process(&mut self, _: &Context, mut buffer: Buffer) -> Flow {
        let found = self.found(&buffer);
        let Some(state) = &mut self.state else {
            return Err(Failure::not_negotiated("a buffer came before caps"));
        };
        self.trails
            .record(&found.objects, self.settings.trail as usize);
        let nothing =
            found.objects.is_empty() && found.classes.is_empty() && found.counted.is_none();
        if !nothing && state.pen.opacity > 0 {
            state.draw(&mut buffer, &found, &self.trails)?;
        }
        Ok(buffer.into())
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        // Not at `DISCONT`: a leaky queue sets it wherever it has dropped a frame.
        if matches!(event, Event::Segment(_)) {
            self.trails.clear();
        }
        Ok(Disposition::Forward)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        if let Some(State { info, .. }) = self.state.take() {
            self.state = Some(State::new(&settings, info)?);
        }
        self.settings = settings;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.trails.save()
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        self.trails = Trails::read(bytes)?;
        Ok(())
    }
}
element!(DetectionOverlay: InPlace);

impl DetectionOverlay {
    /// What a buffer carries of what shall be drawn.
    fn found(&mut self, buffer: &Buffer) -> Found {
        let classes = self
            .settings
            .classifications
            .then(|| buffer.classifications());
        let counted = self
            .settings
            .analytics
            .then(|| Analytics::of(buffer))
            .flatten();
        let counted = counted.and_then(|read| match read {
            Ok(counted) => Some(counted),
            Err(failure) => {
                // Once: each frame that follows may have the same fault.
                if !self.complained {
                    log!(Level::Warning, "counts are not drawn: {}", failure.message);
                }
                self.complained = true;
                None
            }
        });
        Found {
            objects: buffer.detections(&self.settings.layer),
            classes: classes.unwrap_or_default(),
            counted,
        }
    }
}
