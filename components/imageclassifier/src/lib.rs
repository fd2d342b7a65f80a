//! Says what a frame shows, or each object found in it: runs a classification model
//! and writes its answers beside the frame, or into the objects.
//!
//! ```text
//! sink ──▶ [frame, or boxes of objects] ──▶ [convert, scale, normalise] ──▶ model
//!   └─────── the frame itself, untouched ───────▶ src ◀── classifications ──┘
//! ```
//!
//! `… ! objectdetector ! imageclassifier model=resnet18 on=objects ! detectionoverlay ! …`

/// The model's input, and how its numbers are made of pixels.
pub mod input;
/// Which part of a frame lies where in the input.
pub mod fit;
/// From the model's numbers to classes.
pub mod answer;
/// Which objects are classified, and what is remembered of them.
pub mod objects;
/// The loaded model.
pub mod model;

use millstream_sdk::buffer::Classification;
use millstream_sdk::prelude::*;
use millstream_sdk::video::{ANY_RAW, Sampler};

use answer::{Activation, Rules};
use fit::Resize;
use input::{ColorOrder, Scale};
use model::Classifier;
use objects::{Due, Objects, Wanted};

/// Answers of a frame at most, as the contract has it.
const MOST_OF_FRAME: usize = 1000;
/// Answers of an object at most, as the contract has it.
const MOST_OF_OBJECT: usize = 16;

choices! {
    /// What is classified.
    pub enum On {
        /// The whole frame.
        Frame = "frame",
        /// Each object of a layer.
        Objects = "objects",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// The classification model.
        model: ModelName => [required],
        /// What is classified.
        on: On = On::Frame,
        /// The layer of detections whose objects are classified.
        layer: String = OBJECTS.to_owned(),
        /// Objects of these classes alone, such as `person,car`; empty: all.
        classes: String => [playing],
        /// Objects whose shorter side, inside of the frame, is at least this.
        min_size: u32 = 16 => [range(1, 16_384), unit("px"), playing],
        /// Most objects that are classified in a frame; the others wait for the next.
        max_objects: u32 = 16 => [range(1, 4096), playing],
        /// An object with a track id is classified anew after so many frames.
        interval: u32 = 15 => [range(1, 1_000_000), unit("frames"), playing],
        /// Most answers.
        top_k: u32 = 5 => [range(1, 1000), playing],
        /// Least confidence of an answer.
        confidence_threshold: f64 = 0.1 => [range(0.0, 1.0), playing],
        /// What makes confidences of the model's numbers.
        activation: Activation = Activation::Auto => [playing],
        /// The order of the input's planes.
        color_order: ColorOrder = ColorOrder::Rgb,
        /// What a pixel's 0 to 255 becomes before `mean` and `std`.
        scale: Scale = Scale::Auto,
        /// Subtracted from red, green and blue; unset, what the model publishes, else
        /// ImageNet's `0.485,0.456,0.406` where pixels are 0 to 1, else 0.
        mean: Option<String>,
        /// What they are divided by then; unset, what the model publishes, else ImageNet's
        /// `0.229,0.224,0.225` where pixels are 0 to 1, else 1.
        std: Option<String>,
        /// How a frame, or an object's box, is fitted into the input.
        resize: Resize = Resize::Auto,
    }
}

/// The element.
pub struct ImageClassifier {
    settings: Settings,
    classifier: Option<Classifier>,
    state: Option<State>,
}

/// What caps fix, with memory that is kept from frame to frame.
struct State {
    info: VideoInfo,
    sampler: Sampler,
    objects: Objects,
    wanted: Wanted,
    due: Vec<Due>,
    answers: Vec<Classification>,
    /// Downstream knows which model runs.
    announced: bool,
}

impl InPlace for ImageClassifier {
    const INFO: Info = Info::new(
        "imageclassifier",
        "Filter/Analyzer/Video",
        "Says what a frame or each of its objects shows, with a classification model",
    )
    .needs(&[Capability::Inference]);
    const CAPS: &'static str = ANY_RAW;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            classifier: None,
            state: None,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let classifier = Classifier::load(&self.settings)?;
        let model = &classifier.model;
        log!(
            Level::Info,
            "model `{}` on {} ({}), input {}, {} labels",
            model.name,
            model.backend,
            model.device,
            classifier.input,
            classifier.labels.len()
        );
        self.classifier = Some(classifier);
        Ok(())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        let classifier = self.classifier.as_ref().ok_or_else(not_started)?;
        let mut sampler = Sampler::new(&info, classifier.target);
        let (rect, place) = classifier.fit.place(info.rect(), &classifier.target);
        sampler.aim(rect, place);
        self.state = Some(State {
            sampler,
            objects: Objects::default(),
            wanted: Wanted::new(&self.settings, &info),
            due: Vec::new(),
            answers: Vec::new(),
            announced: false,
            info,
        });
        Ok(())
    }

    fn process(&mut self, ctx: &Context, mut buffer: Buffer) -> Flow {
        let classifier = self.classifier.as_mut().ok_or_else(not_started)?;
        let state = self.state.as_mut();
        let state = state.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        if !state.announced {
            state.announced = true;
            let src = ctx.pad("src").unwrap_or_default();
            ctx.push_event(src, &model::announcement(&classifier.model));
        }
        let rules = self.settings.rules();
        match self.settings.on {
            On::Frame => state.classify_frame(classifier, &mut buffer, rules)?,
            On::Objects => {
                let layer = &self.settings.layer;
                state.classify_objects(classifier, &mut buffer, layer, rules)?;
            }
        }
        Ok(buffer.into())
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        // Another stretch: a number may be another object's.
        if let (Event::Segment(_), Some(state)) = (event, &mut self.state) {
            state.objects = Objects::default();
        }
        Ok(Disposition::Forward)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        if let Some(state) = &mut self.state {
            state.wanted = Wanted::new(&settings, &state.info);
        }
        self.settings = settings;
        Ok(())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        (self.classifier, self.state) = (None, None);
        Ok(())
    }
}
element!(ImageClassifier: InPlace);

impl State {
    fn classify_frame(
        &mut self,
        classifier: &mut Classifier,
        buffer: &mut Buffer,
        rules: Rules,
    ) -> Result<(), Failure> {
        let view = buffer.map();
        let picture = self.sampler.run(&view)?;
        classifier.run(picture, rules, &mut self.answers)?;
        drop(view);
        let mut all = buffer.classifications();
        add(&mut all, &self.answers, MOST_OF_FRAME);
        buffer.set_classifications(&all);
        Ok(())
    }

    fn classify_objects(
        &mut self,
        classifier: &mut Classifier,
        buffer: &mut Buffer,
        layer: &str,
        rules: Rules,
    ) -> Result<(), Failure> {
        let mut detections = buffer.detections(layer);
        self.objects.plan(&detections, &self.wanted, &mut self.due);
        let mut changed = !self.due.is_empty();
        if changed {
            let view = buffer.map();
            for due in &self.due {
                let Some(detection) = detections.get_mut(due.place) else {
                    continue;
                };
                let rect = objects::clip(detection.rect, &self.info);
                let (rect, place) = classifier.fit.place(rect, &classifier.target);
                self.sampler.aim(rect, place);
                let picture = self.sampler.run(&view)?;
                classifier.run(picture, rules, &mut self.answers)?;
                match detection.track_id {
                    Some(track) => self.objects.keep(track, &self.answers),
                    None => add(
                        &mut detection.classifications,
                        &self.answers,
                        MOST_OF_OBJECT,
                    ),
                }
            }
        }
        for detection in detections
            .iter_mut()
            .filter(|object| self.wanted.class(object))
        {
            if let Some(answers) = detection.track_id.and_then(|id| self.objects.known(id)) {
                changed = true;
                add(&mut detection.classifications, answers, MOST_OF_OBJECT);
            }
        }
        if changed {
            buffer.set_detections(layer, &detections);
        }
        Ok(())
    }
}

/// Adds answers to those of other classifiers, best first.
fn add(all: &mut Vec<Classification>, answers: &[Classification], most: usize) {
    all.extend_from_slice(answers);
    all.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    all.truncate(most);
}

impl Settings {
    fn rules(&self) -> Rules {
        let most = match self.on {
            On::Frame => MOST_OF_FRAME,
            On::Objects => MOST_OF_OBJECT,
        };
        Rules {
            activation: self.activation,
            top_k: (self.top_k as usize).min(most),
            threshold: self.confidence_threshold as f32,
        }
    }
}

fn not_started() -> Failure {
    Failure::failed("the element was not started")
}
