//! Which family a model belongs to: what its metadata say, else what the names and
//! shapes of its outputs say.

use millstream_sdk::nn::{Model, TensorInfo};
use millstream_sdk::prelude::*;

use super::{Family, KINDS, Kind, STRIDES, cells};
use crate::input::Input;

/// Points of an object, as the contract has it.
const MAX_KEYPOINTS: usize = 256;

/// What is known of a model without running it.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// Names, shapes, metadata.
    pub model: &'a Model,
    /// The picture that it takes.
    pub input: &'a Input,
    /// Labels that it has; 0 if it has none.
    pub labels: usize,
}

impl Signature<'_> {
    /// A value of the metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let pair = self.model.metadata.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.trim())
    }

    /// Whether ultralytics' exporter wrote the file; it says more than `YOLOv5`'s.
    pub fn is_ultralytics(&self) -> bool {
        self.metadata("author")
            .is_some_and(|author| author.eq_ignore_ascii_case("ultralytics"))
    }

    /// An output of one of these names.
    pub fn named(&self, names: &[&str]) -> Option<&TensorInfo> {
        let mut outputs = self.model.outputs.iter();
        outputs.find(|output| names.contains(&output.name.as_str()))
    }

    /// Whether there is an output of each name.
    pub fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.named(&[name]).is_some())
    }

    /// The dimensions of the only output, or of the only one of three dimensions:
    /// beside it stand prototypes of masks, or what it was made of.
    pub fn predictions(&self) -> Option<Vec<Option<usize>>> {
        let outputs = self.model.outputs.iter();
        if let [output] = self.model.outputs.as_slice() {
            return Some(sizes(output));
        }
        let mut of_three = outputs.filter(|output| output.dimensions.len() == 3);
        let first = of_three.next().map(sizes);
        first.filter(|_| of_three.next().is_none())
    }

    /// How many prototypes of masks `[1, count, height, width]` there are.
    pub fn masks(&self) -> usize {
        let several = self.model.outputs.len() > 1;
        let mut outputs = self.model.outputs.iter().filter(|_| several);
        let found = outputs.find(|output| output.dimensions.len() == 4);
        let count = found.and_then(|output| output.dimensions.get(1).copied().flatten());
        count.map_or(0, |count| count as usize)
    }

    /// Points of an object and numbers of a point: `kpt_shape`, `[17, 3]`.
    pub fn keypoints(&self) -> Option<(usize, usize)> {
        let text = self.metadata("kpt_shape")?;
        let inner = text.trim_matches(['[', ']', '(', ')']);
        let (points, numbers) = inner.split_once(',')?;
        let (points, numbers) = (points.trim().parse().ok()?, numbers.trim().parse().ok()?);
        let fits = (1..=MAX_KEYPOINTS).contains(&points) && (2..=3).contains(&numbers);
        fits.then_some((points, numbers))
    }

    /// Values a box that are neither its edges nor scores.
    pub fn extras(&self) -> usize {
        let keypoints = self
            .keypoints()
            .map_or(0, |(points, numbers)| points * numbers);
        self.masks() + keypoints
    }

    /// Whether that many cells are those of the usual strides, `anchors` boxes each.
    pub fn is_cells(&self, count: usize, anchors: usize) -> bool {
        const STRIDES_OF_LARGE: [usize; 4] = [8, 16, 32, 64];
        const STRIDES_OF_SMALL: [usize; 4] = [4, 8, 16, 32];
        let sets: [&[usize]; 3] = [&STRIDES, &STRIDES_OF_LARGE, &STRIDES_OF_SMALL];
        sets.iter()
            .any(|strides| count == anchors * cells(self.input.size, strides))
    }
}

/// The sizes that are known.
pub fn sizes(output: &TensorInfo) -> Vec<Option<usize>> {
    let sizes = output.dimensions.iter();
    sizes.map(|size| size.map(|size| size as usize)).collect()
}

impl Family {
    /// What the table says of it; `Auto` is recognised.
    pub fn kind(self, signature: &Signature<'_>) -> Result<&'static Kind, Failure> {
        if self != Self::Auto {
            let own = KINDS.iter().copied().find(|kind| kind.family == self);
            return own.ok_or_else(|| unknown(signature, "the family is not in the table"));
        }
        if let Some(name) = signature.metadata("family") {
            let same = |word: &str| word.eq_ignore_ascii_case(name);
            let named = |kind: &&Kind| {
                same(kind.family.as_str()) || kind.aliases.iter().any(|alias| same(alias))
            };
            return KINDS.iter().copied().find(named).ok_or_else(|| {
                unknown(signature, &format!("its metadata say `family` is `{name}`"))
            });
        }
        KINDS
            .iter()
            .copied()
            .find(|kind| (kind.recognize)(signature))
            .ok_or_else(|| unknown(signature, &describe(&signature.model.outputs)))
    }
}

fn describe(outputs: &[TensorInfo]) -> String {
    // Enough to tell; a model may have thousands.
    const SHOWN: usize = 12;
    let listed: Vec<String> = outputs
        .iter()
        .take(SHOWN)
        .map(|output| format!("`{}` {output}", output.name))
        .collect();
    let more = if outputs.len() > SHOWN { " …" } else { "" };
    match outputs {
        [output] => format!("its output is {output}"),
        _ => format!(
            "its {} outputs are {}{more}",
            outputs.len(),
            listed.join(", ")
        ),
    }
}

fn unknown(signature: &Signature<'_>, why: &str) -> Failure {
    let words: Vec<&str> = KINDS.iter().map(|kind| kind.family.as_str()).collect();
    let message = format!(
        "cannot tell which family the model `{}` belongs to: {why}",
        signature.model.name
    );
    let words = words.join(", ");
    Failure::inference(message).hint(format!("set `family=yolov8`, or one of: {words}"))
}
