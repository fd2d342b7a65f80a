//! Finds objects in video: runs a detection model on each frame and writes what
//! it found beside the frame, in the layer `objects`.
//!
//! ```text
//! sink ──▶ [convert, scale, normalise] ──▶ wasi:nn ──▶ [decode, suppress] ──▶ src
//!      └────────────────── the frame itself, untouched ──────────────────────┘
//! ```
//!
//! `videotestsrc pattern=ball ! objectdetector ! detectionoverlay ! windowsink`

/// Where a frame lies in the model's input.
pub mod geometry;
/// Families of detectors and their inputs and outputs.
pub mod family;
/// From a frame to the model's input.
pub mod preprocess;
/// From the model's output to boxes.
pub mod decode;
/// Of boxes that overlap, the best stays.
pub mod nms;
/// Names of classes.
pub mod labels;
/// The loaded model.
pub mod model;

use millstream_sdk::prelude::*;
use millstream_sdk::video::ANY_RAW;

use decode::{Candidate, Decoder};
use family::Family;
use geometry::{Geometry, Resize};
use model::Detector;
use nms::Suppression;
use preprocess::{Normalization, Preprocessor};

const DEFAULT_MODEL: &str = "shapes";
const DEFAULT_IOU: f32 = 0.45;
const DEFAULT_MAX_DETECTIONS: u32 = 300;

choices! {
    /// The order of the input's three planes.
    pub enum ColorOrder {
        /// As the model's family has it.
        Auto = "auto",
        /// Red first.
        Rgb = "rgb",
        /// Blue first.
        Bgr = "bgr",
    }
}

choices! {
    /// What a pixel's 0 to 255 becomes in the input.
    pub enum Scale {
        /// As the model's family has it.
        Auto = "auto",
        /// 0 to 1.
        Unit = "unit",
        /// 0 to 255.
        Byte = "byte",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// The detection model.
        model: ModelName = ModelName::from(DEFAULT_MODEL),
        /// How the model's output is laid out.
        family: Family = Family::Auto,
        /// Least confidence of a detection; unset, what model or family publish.
        confidence_threshold: Option<f64> => [range(0.0, 1.0), playing],
        /// Boxes that overlap by more than this are one object; unset, what the model
        /// publishes, else 0.45.
        iou_threshold: Option<f64> => [range(0.0, 1.0), playing],
        /// Boxes of different classes suppress each other too.
        class_agnostic: bool = false => [playing],
        /// Most detections of a frame.
        max_detections: u32 = DEFAULT_MAX_DETECTIONS => [range(1, 4096), playing],
        /// The order of the input's planes.
        color_order: ColorOrder = ColorOrder::Auto,
        /// What a pixel's 0 to 255 becomes in the input.
        scale: Scale = Scale::Auto,
        /// How a frame is fitted into the input.
        resize: Resize = Resize::Auto,
    }
}

/// The element.
pub struct ObjectDetector {
    settings: Settings,
    detector: Option<Detector>,
    labels: Vec<String>,
    state: Option<State>,
}

/// What caps and model fix, with memory that is kept from frame to frame.
struct State {
    preprocessor: Preprocessor,
    decoder: Decoder,
    found: Vec<Candidate>,
    kept: Vec<Candidate>,
    detections: Vec<Detection>,
}

impl InPlace for ObjectDetector {
    const INFO: Info = Info::new(
        "objectdetector",
        "Filter/Analyzer/Video",
        "Finds objects with a detection model and writes them beside the frame",
    )
    .needs(&[Capability::Inference]);
    const CAPS: &'static str = ANY_RAW;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            detector: None,
            labels: Vec::new(),
            state: None,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let detector = Detector::load(&self.settings.model, self.settings.family)?;
        self.labels = labels::labels_of(&detector.model, detector.classes().unwrap_or(0));
        let (model, family) = (&detector.model, detector.family.as_str());
        log!(
            Level::Info,
            "model `{}` of family `{family}` on {} ({}), input {}x{}, {} labels",
            model.name,
            model.backend,
            model.device,
            detector.input.size.width,
            detector.input.size.height,
            self.labels.len()
        );
        self.detector = Some(detector);
        Ok(())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        let detector = self.detector.as_ref().ok_or_else(not_started)?;
        let (family, input) = (detector.family, detector.input.size);
        let resize = match self.settings.resize {
            Resize::Auto => family.defaults().resize,
            resize => resize,
        };
        let frame = geometry::Size {
            width: info.width,
            height: info.height,
        };
        let geometry = Geometry::new(resize, frame, input);
        self.state = Some(State {
            preprocessor: Preprocessor::new(&info, geometry, self.settings.normalization(family)),
            decoder: Decoder::new(family, input),
            found: Vec::new(),
            kept: Vec::new(),
            detections: Vec::new(),
        });
        Ok(())
    }

    fn process(&mut self, _: &Context, mut buffer: Buffer) -> Flow {
        let detector = self.detector.as_mut().ok_or_else(not_started)?;
        let state = self.state.as_mut();
        let state = state.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let input = state.preprocessor.run(&buffer.map())?;
        let (dimensions, output) = detector.run(input)?;
        let threshold = self.settings.threshold(detector);
        state
            .decoder
            .run(&dimensions, &output, threshold, &mut state.found)?;
        self.settings
            .suppression(detector)
            .run(&state.found, &mut state.kept);

        let geometry = state.preprocessor.geometry();
        state.detections.clear();
        state.detections.extend(state.kept.iter().map(|candidate| {
            Detection::new(
                geometry.rect_from_input(candidate.edges),
                candidate.class,
                labels::label(&self.labels, candidate.class),
                candidate.confidence,
            )
        }));
        buffer.set_detections(OBJECTS, &state.detections);
        Ok(buffer.into())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        (self.detector, self.state) = (None, None);
        Ok(())
    }
}
element!(ObjectDetector: InPlace);

impl Settings {
    fn threshold(&self, detector: &Detector) -> f32 {
        let own = self.confidence_threshold.map(|threshold| threshold as f32);
        let published = detector
            .confidence
            .unwrap_or(detector.family.defaults().confidence);
        own.unwrap_or(published)
    }

    fn suppression(&self, detector: &Detector) -> Suppression {
        let own = self.iou_threshold.map(|threshold| threshold as f32);
        Suppression {
            iou: own.or(detector.iou).unwrap_or(DEFAULT_IOU),
            across_classes: self.class_agnostic,
            limit: self.max_detections as usize,
        }
    }

    fn normalization(&self, family: Family) -> Normalization {
        let defaults = family.defaults();
        let rgb = match self.color_order {
            ColorOrder::Auto => defaults.rgb,
            order => order == ColorOrder::Rgb,
        };
        let white = match self.scale {
            Scale::Auto => defaults.white,
            Scale::Unit => 1.0,
            Scale::Byte => 255.0,
        };
        Normalization {
            rgb,
            factor: white / 255.0,
        }
    }
}

fn not_started() -> Failure {
    Failure::failed("the element was not started")
}
