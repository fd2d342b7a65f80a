//! Finds objects in video: runs a detection model on each frame and writes what
//! it found beside the frame, in the layer `objects`.
//!
//! ```text
//! sink ──▶ [convert, scale, normalise] ──▶ the model ──▶ [decode, suppress] ──▶ src
//!      └────────────────── the frame itself, untouched ──────────────────────┘
//! ```
//!
//! `videotestsrc pattern=ball ! objectdetector ! detectionoverlay ! videoconvert ! windowsink`

/// What the user sets.
pub mod settings;
/// What the model is given.
pub mod input;
/// Where a frame lies in the model's input.
pub mod geometry;
/// The loaded model.
pub mod model;
/// What the model answered.
pub mod outputs;
/// Families of detectors.
pub mod family;
/// What the families' decoders share.
pub mod decode;
/// Points and masks of boxes.
pub mod mask;
/// Of boxes that overlap, the best stays.
pub mod nms;

use millstream_sdk::buffer::Keypoint;
use millstream_sdk::bus::post;
use millstream_sdk::labels;
use millstream_sdk::nn::Output;
use millstream_sdk::prelude::*;
use millstream_sdk::video::{ANY_RAW, Sampler};

use decode::{Candidate, Details, Found, Wrong};
use geometry::{Geometry, Size};
use model::Detector;
use outputs::Outputs;
use settings::Settings;

/// Late frames are told of once in that time.
const LATE_INTERVAL_NANOS: u64 = 1_000_000_000;

/// The element.
pub struct ObjectDetector {
    settings: Settings,
    detector: Option<Detector>,
    state: Option<State>,
    late: Late,
}

/// What caps and model fix, with memory that is kept from frame to frame.
struct State {
    sampler: Sampler,
    geometry: Geometry,
    /// What runs, until downstream is told.
    announcement: Option<Event>,
    found: Found,
    kept: Vec<Candidate>,
}

/// Frames that passed without inference.
#[derive(Debug, Default)]
struct Late {
    total: u64,
    /// Those of which the application does not know.
    untold: u64,
    told_at: Option<u64>,
}

impl InPlace for ObjectDetector {
    const INFO: Info = Info::new(
        "objectdetector",
        "Filter/Analyzer/Video",
        "Finds objects with a detection model and writes them beside the frame",
    )
    .needs(&[Capability::Inference])
    .stateless();
    const CAPS: &'static str = ANY_RAW;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self {
            settings,
            detector: None,
            state: None,
            late: Late::default(),
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let mut detector = Detector::load(&self.settings)?;
        detector.expect_masks(self.settings.max_detections);
        let (model, family) = (&detector.model, detector.kind.family.as_str());
        log!(
            Level::Info,
            "model `{}` of family `{family}` on {} ({}), input {}x{}, {} labels",
            model.name,
            model.backend,
            model.device,
            detector.input.size.width,
            detector.input.size.height,
            detector.labels.len()
        );
        self.detector = Some(detector);
        self.late = Late::default();
        Ok(())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        let detector = self.detector.as_ref().ok_or_else(not_started)?;
        let (defaults, input) = (&detector.kind.defaults, &detector.input);
        let frame = Size {
            width: info.width,
            height: info.height,
        };
        let normalization = self.settings.normalization(defaults, input.element_type)?;
        let target = input.target(&normalization);
        let geometry = Geometry::new(self.settings.resize(defaults), frame, &target);
        let mut sampler = Sampler::new(&info, target);
        sampler.aim(info.rect(), geometry.place);
        self.state = Some(State {
            sampler,
            geometry,
            announcement: Some(detector.announcement()),
            found: Found::default(),
            kept: Vec::new(),
        });
        Ok(())
    }

    fn process(&mut self, ctx: &Context, mut buffer: Buffer) -> Flow {
        let arrival = ctx.running_time();
        let detector = self.detector.as_mut().ok_or_else(not_started)?;
        let state = self.state.as_mut();
        let state = state.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        if let Some(event) = state.announcement.take() {
            // After the caps of the src pad, before its first buffer.
            let pads = ctx.pads_facing(Direction::Src);
            pads.for_each(|pad| ctx.push_event(pad, &event));
        }
        let wait = self.settings.max_wait;
        let deadline = wait.map(|wait| arrival.saturating_add(wait));
        let picture = state.sampler.run(&buffer.map())?;
        let answer = detector.run(picture, deadline)?;
        let detections = if let Some(outputs) = answer {
            state.detections(detector, &self.settings, &outputs)?
        } else {
            self.late.count(ctx.running_time());
            Vec::new()
        };
        buffer.set_detections(OBJECTS, &detections);
        Ok(buffer.into())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        if let Some(detector) = &mut self.detector {
            detector.expect_masks(settings.max_detections);
        }
        self.settings = settings;
        Ok(())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.late.tell();
        (self.detector, self.state) = (None, None);
        Ok(())
    }
}
element!(ObjectDetector: InPlace);

impl State {
    /// What the outputs say of a frame.
    fn detections(
        &mut self,
        detector: &Detector,
        settings: &Settings,
        outputs: &[Output],
    ) -> Result<Vec<Detection>, Failure> {
        let views: Vec<_> = outputs.iter().map(|output| output.data.map()).collect();
        let outputs = Outputs::new(outputs, &views)?;
        let (kind, setup) = (detector.kind, &detector.setup);
        let explained = |wrong: Wrong| detector.explain(wrong, &outputs);
        self.found.begin(settings.threshold(detector));
        (kind.decode)(&outputs, setup, &mut self.found).map_err(explained)?;
        settings
            .suppression(detector)
            .run(self.found.finish(), &mut self.kept);
        let geometry = &self.geometry;
        let detection = |candidate: &Candidate| {
            let details = kind
                .details
                .map(|details| details(&outputs, setup, candidate));
            let details = details.transpose().map_err(explained)?.unwrap_or_default();
            Ok(detection(candidate, details, geometry, &detector.labels))
        };
        self.kept.iter().map(detection).collect()
    }
}

/// A box that stays, in pixels of the frame.
fn detection(
    candidate: &Candidate,
    details: Details,
    geometry: &Geometry,
    labels: &[String],
) -> Detection {
    let rect = geometry.rect_from_input(candidate.edges);
    let label = labels::label(labels, candidate.class);
    let point = |point: Keypoint| {
        let (x, y) = geometry.point_from_input(point.x, point.y);
        let confidence = point.confidence.clamp(0.0, 1.0);
        Keypoint { x, y, confidence }
    };
    Detection {
        keypoints: details.keypoints.into_iter().map(point).collect(),
        mask: details.mask,
        ..Detection::new(rect, candidate.class, label, candidate.confidence)
    }
}

impl Late {
    fn count(&mut self, now: u64) {
        self.total += 1;
        self.untold += 1;
        let due = |told: u64| now.saturating_sub(told) >= LATE_INTERVAL_NANOS;
        if self.told_at.is_none_or(due) {
            self.tell();
            self.told_at = Some(now);
        }
    }

    /// Tells the application of frames that it does not know of yet.
    fn tell(&mut self) {
        let integer = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).into();
        if self.untold > 0 {
            let fields = [
                ("count", integer(self.untold)),
                ("total", integer(self.total)),
            ];
            post("late-frames", &fields);
        }
        self.untold = 0;
    }
}

fn not_started() -> Failure {
    Failure::failed("the element was not started")
}
