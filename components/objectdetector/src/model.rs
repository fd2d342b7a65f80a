//! The model of a running element: what it is, and one run of it.

use millstream_sdk::bus::{Setting, Value};
use millstream_sdk::context::CustomEvent;
use millstream_sdk::labels;
use millstream_sdk::nn::{Input as Tensor, Model, Output, Session, allocate, describe};
use millstream_sdk::prelude::*;

use crate::decode::{Setup, Wrong};
use crate::family::Kind;
use crate::family::recognize::Signature;
use crate::input::Input;
use crate::outputs::Outputs;
use crate::settings::Settings;

/// Bytes of all masks of a layer, as the contract has it.
const MAX_MASK_BYTES: usize = 4 * 1024 * 1024;

/// A loaded model and what is known of it.
#[derive(Debug)]
pub struct Detector {
    /// What the host says of it.
    pub model: Model,
    /// Its family.
    pub kind: &'static Kind,
    /// What it is given.
    pub input: Input,
    /// What decoding needs to know.
    pub setup: Setup,
    /// Names of classes by index.
    pub labels: Vec<String>,
    /// The least confidence that its metadata recommend.
    pub confidence: Option<f32>,
    /// The overlap that its metadata recommend.
    pub iou: Option<f32>,
    session: Session,
    constants: Vec<Buffer>,
}

impl Detector {
    /// Loads the model that the settings name.
    pub fn load(settings: &Settings) -> Result<Self, Failure> {
        let model = describe(&settings.model)?;
        let input = Input::of_model(&model, settings.input_width, settings.input_height)?;
        let mut labels = labels::of_model(&model);
        let signature = Signature {
            model: &model,
            input: &input,
            labels: labels.len(),
        };
        let kind = settings.family.kind(&signature)?;
        let setup = Setup {
            input: input.size,
            labels: labels.len(),
            keypoints: signature.keypoints(),
            mask_cells: 0,
        };
        if labels.is_empty() {
            labels = kind.defaults.labels.of_classes((kind.classes)(&signature));
        }
        let (confidence, iou) = (
            fraction(&signature, "confidence-threshold"),
            fraction(&signature, "iou-threshold"),
        );
        let session = Session::open(&settings.model)?;
        let constants = input.constants.iter().map(|constant| {
            let mut buffer = allocate(constant.bytes.len());
            buffer.map_overwrite().copy_from_slice(&constant.bytes);
            buffer
        });
        Ok(Self {
            kind,
            setup,
            labels,
            confidence,
            iou,
            session,
            constants: constants.collect(),
            input,
            model,
        })
    }

    /// Runs the model on a picture; none if that could not begin by `deadline`, a
    /// running time in nanoseconds.
    pub fn run(
        &mut self,
        picture: &Buffer,
        deadline: Option<u64>,
    ) -> Result<Option<Vec<Output>>, Failure> {
        let picture = Tensor {
            name: &self.input.name,
            element_type: self.input.element_type,
            dimensions: &self.input.dimensions,
            data: picture,
        };
        let constants = self.input.constants.iter().zip(&self.constants);
        let constants = constants.map(|(constant, data)| Tensor {
            name: &constant.name,
            element_type: constant.element_type,
            dimensions: &constant.dimensions,
            data,
        });
        let inputs: Vec<Tensor<'_>> = core::iter::once(picture).chain(constants).collect();
        match deadline {
            Some(deadline) => self.session.compute_before(&inputs, deadline),
            None => self.session.compute(&inputs).map(Some),
        }
    }

    /// Says how many objects of a frame may have masks, which limits their size.
    pub fn expect_masks(&mut self, objects: u32) {
        self.setup.mask_cells = MAX_MASK_BYTES / (objects as usize).max(1);
    }

    /// What is wrong with these outputs.
    pub fn explain(&self, wrong: Wrong, outputs: &Outputs<'_>) -> Failure {
        let name = &self.model.name;
        let (family, size) = (self.kind.family.as_str(), self.input.size);
        match wrong {
            Wrong::Shape => {
                let got: Vec<String> = outputs
                    .all()
                    .iter()
                    .map(|output| format!("`{}` {:?}", output.name, output.dimensions))
                    .collect();
                let message = format!(
                    "the model `{name}` gave {}, expected {} for family `{family}` and an input \
                     of {}x{}",
                    got.join(", "),
                    self.kind.layout,
                    size.width,
                    size.height
                );
                Failure::inference(message).hint("set `family` to the model's own")
            }
            Wrong::NotFinite => Failure::inference(format!(
                "the outputs of the model `{name}` hold NaN or infinite numbers"
            ))
            .hint("check `scale`, `mean`, `std` and `color-order`, or the model's file"),
            Wrong::Endless => Failure::inference(format!(
                "the outputs of the model `{name}` hold boxes without an end"
            ))
            .hint("check that `family` fits the model"),
        }
    }

    /// What runs, for those downstream who write it down.
    pub fn announcement(&self) -> Event {
        let model = &self.model;
        let nanos = |nanos: u64| Value::Integer(i64::try_from(nanos).unwrap_or(i64::MAX));
        let mut fields = vec![
            ("model", Value::from(model.name.as_str())),
            ("family", self.kind.family.as_str().into()),
            ("backend", model.backend.as_str().into()),
            ("device", model.device.as_str().into()),
            ("precision", model.precision.as_str().into()),
            ("threads", model.threads.into()),
            ("load-time-ns", nanos(model.load_time)),
        ];
        // Not known where open dimensions did not allow a first run.
        fields.extend(
            model
                .first_run_time
                .map(|time| ("first-run-time-ns", nanos(time))),
        );
        let setting = |(name, value): (&str, Value)| Setting {
            name: name.to_owned(),
            value,
        };
        Event::Custom(CustomEvent {
            name: "inference".to_owned(),
            fields: fields.into_iter().map(setting).collect(),
        })
    }
}

/// A number from 0 to 1 in the model's metadata.
fn fraction(signature: &Signature<'_>, key: &str) -> Option<f32> {
    let number = signature.metadata(key)?.parse().ok();
    number.filter(|number| (0.0..=1.0).contains(number))
}
