//! The model of a running element: what it is, and one run of it.

use millstream_sdk::buffer::Classification;
use millstream_sdk::bus::{Setting, Value};
use millstream_sdk::context::CustomEvent;
use millstream_sdk::labels;
use millstream_sdk::nn::{ElementType, Input as Tensor, Model, Session, describe};
use millstream_sdk::prelude::*;
use millstream_sdk::video::Target;

use crate::answer::{Best, Rules};
use crate::fit::{Fit, Resize};
use crate::input::{Input, is_ultralytics};
use crate::{On, Settings};

/// What torchvision's and most other evaluations keep of the shorter side.
///
/// # Source
/// `ImageClassification` in torchvision's `transforms/_presets.py`: 224 of 256.
const KEPT: f64 = 0.875;

/// A loaded model and what is known of it.
#[derive(Debug)]
pub struct Classifier {
    /// What the host says of it.
    pub model: Model,
    /// Its one input.
    pub input: Input,
    /// How numbers are made of pixels.
    pub target: Target,
    /// How pictures are fitted.
    pub fit: Fit,
    /// Names of its classes by index.
    pub labels: Vec<String>,
    session: Session,
    best: Best,
}

impl Classifier {
    /// Loads the model that the settings name.
    pub fn load(settings: &Settings) -> Result<Self, Failure> {
        let model = describe(&settings.model)?;
        let input = Input::of_model(&model)?;
        check_output(&model)?;
        let resize = match (settings.resize, settings.on) {
            (Resize::Auto, On::Frame) => Resize::Crop,
            (Resize::Auto, On::Objects) => Resize::Stretch,
            (resize, _) => resize,
        };
        let kept = if is_ultralytics(&model) { 1.0 } else { KEPT };
        Ok(Self {
            target: input.target(settings, &model)?,
            fit: Fit { resize, kept },
            labels: labels::of_model(&model),
            session: Session::open(&settings.model)?,
            best: Best::default(),
            model,
            input,
        })
    }

    /// Fills `answers` with what the model says of a picture, best first.
    pub fn run(
        &mut self,
        picture: &Buffer,
        rules: Rules,
        answers: &mut Vec<Classification>,
    ) -> Result<(), Failure> {
        let outputs = self.session.compute(&[Tensor {
            name: &self.input.name,
            element_type: self.target.element_type,
            dimensions: &self.input.dimensions(),
            data: picture,
        }])?;
        let Some(output) = outputs.first() else {
            let message = format!("the model `{}` gave no output", self.model.name);
            return Err(Failure::inference(message));
        };
        let view = output.data.map();
        let classes = match output.dimensions.as_slice() {
            [1, classes] | [1, classes, 1, 1] => Some(*classes as usize),
            _ => None,
        };
        let bytes = classes.and_then(|classes| classes.checked_mul(4));
        let float = output.element_type == ElementType::F32;
        if !float || view.is_empty() || bytes != Some(view.len()) {
            let (element, dimensions) = (output.element_type.as_str(), &output.dimensions);
            let got = format!("{element}{dimensions:?} of {} bytes", view.len());
            return Err(misshaped(&self.model, &got));
        }
        let values = view.numbers()?;
        self.best.run(values, rules, &self.labels, answers)
    }
}

/// Refuses a model whose output cannot be that of a classifier, before it runs.
fn check_output(model: &Model) -> Result<(), Failure> {
    let Some(output) = model.outputs.first() else {
        return Ok(());
    };
    let fits = matches!(
        output.dimensions.as_slice(),
        [None | Some(1), None | Some(1..)]
            | [
                None | Some(1),
                None | Some(1..),
                None | Some(1),
                None | Some(1)
            ]
    );
    if fits && output.element_type == Some(ElementType::F32) {
        return Ok(());
    }
    Err(misshaped(model, &output.to_string()))
}

fn misshaped(model: &Model, got: &str) -> Failure {
    let name = &model.name;
    let message = format!(
        "the output of the model `{name}` is {got}, expected f32[1, classes] or \
         f32[1, classes, 1, 1]"
    );
    Failure::inference(message).hint("set `model` to a model that classifies pictures")
}

/// The custom event `inference`, which says downstream what runs.
pub fn announcement(model: &Model) -> Event {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let nanos = |value: u64| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let mut fields = vec![
        text("model", &model.name),
        text("family", "classifier"),
        text("backend", &model.backend),
        text("device", &model.device),
        text("precision", &model.precision),
        ("threads".to_owned(), Value::from(model.threads)),
        ("load-time-ns".to_owned(), nanos(model.load_time)),
    ];
    if let Some(time) = model.first_run_time {
        fields.push(("first-run-time-ns".to_owned(), nanos(time)));
    }
    let setting = |(name, value)| Setting { name, value };
    Event::Custom(CustomEvent {
        name: "inference".to_owned(),
        fields: fields.into_iter().map(setting).collect(),
    })
}
