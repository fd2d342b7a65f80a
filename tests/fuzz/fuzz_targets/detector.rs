//! `objectdetector` on a hostile model: any signature, metadata and outputs give
//! detections within the contract's limits or an explained failure.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use millstream_sdk::harness::fake_model;
use millstream_sdk::nn::{ElementType, Model, Tensor, TensorInfo};
use millstream_sdk::prelude::*;
use objectdetector::ObjectDetector;
use objectdetector::family::Family;

/// Most bytes of an output: more only takes time.
const MAX_OUTPUT_BYTES: usize = 1 << 16;
const MAX_OUTPUTS: u8 = 5;
const MAX_DETECTIONS: usize = 300;

/// Sizes that families look for with an input of 32 x 32, and what none should have.
const SIZES: [u32; 24] = [
    1,
    0,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    14,
    16,
    20,
    21,
    32,
    38,
    52,
    63,
    84,
    85,
    100,
    116,
    300,
    4_096,
    u32::MAX,
];
const TYPES: [ElementType; 8] = [
    ElementType::F32,
    ElementType::F16,
    ElementType::I64,
    ElementType::F64,
    ElementType::I32,
    ElementType::U8,
    ElementType::Boolean,
    ElementType::U16,
];
const OUTPUTS: [&str; 20] = [
    "output0",
    "boxes",
    "scores",
    "labels",
    "dets",
    "logits",
    "pred_boxes",
    "bboxes",
    "masks",
    "num_detections",
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "cls_8",
    "obj_8",
    "bbox_8",
    "kps_8",
    "num_dets",
    "det_boxes",
    "det_scores",
];
const INPUTS: [&str; 3] = ["images", "orig_target_sizes", "pixel_mask"];
const KEYS: [&str; 7] = [
    "names",
    "family",
    "author",
    "kpt_shape",
    "task",
    "confidence-threshold",
    "iou-threshold",
];

fuzz_target!(|bytes: &[u8]| {
    // Too short is no model.
    detect(Unstructured::new(bytes)).ok();
});

fn detect(mut bytes: Unstructured<'_>) -> Result<()> {
    let family = bytes.choose(&Family::ALL)?.as_str();
    let mut model = Model::named("fuzz");
    model.inputs.push(picture(&mut bytes)?);
    if bytes.ratio(1, 8)? {
        model.inputs.push(tensor(&mut bytes, &INPUTS)?);
    }
    for _ in 0..bytes.int_in_range(0..=2)? {
        let key = (*bytes.choose(&KEYS)?).to_owned();
        model.metadata.push((key, bytes.arbitrary()?));
    }
    for _ in 0..bytes.int_in_range(1..=MAX_OUTPUTS)? {
        model.outputs.push(tensor(&mut bytes, &OUTPUTS)?);
    }
    let outputs = answers(&mut bytes, &model.outputs)?;
    fake_model(model, move |_| Ok(outputs.clone()));
    let properties = format!("model=fuzz family={family} input-width=32 input-height=32");
    match run(&properties) {
        Ok(detections) => check(&detections),
        Err(failure) => assert!(!failure.message.is_empty()),
    }
    Ok(())
}

fn picture(bytes: &mut Unstructured<'_>) -> Result<TensorInfo> {
    let (nchw, nhwc) = ([1, 3, 32, 32], [1, 32, 32, 3]);
    let dimensions = *bytes.choose(&[nchw, nhwc])?;
    Ok(TensorInfo {
        name: "images".to_owned(),
        element_type: Some(*bytes.choose(&TYPES)?),
        dimensions: dimensions.map(Some).into(),
    })
}

fn tensor(bytes: &mut Unstructured<'_>, names: &[&str]) -> Result<TensorInfo> {
    let mut dimensions = Vec::new();
    for _ in 0..bytes.int_in_range(0..=5)? {
        let is_open = bytes.ratio(1, 16)?;
        let size = *bytes.choose(&SIZES)?;
        dimensions.push((!is_open).then_some(size));
    }
    Ok(TensorInfo {
        name: (*bytes.choose(names)?).to_owned(),
        element_type: Some(*bytes.choose(&TYPES)?),
        dimensions,
    })
}

/// Tensors as announced, but for what is open, or too much.
fn answers(
    bytes: &mut Unstructured<'_>,
    outputs: &[TensorInfo],
) -> Result<Vec<(String, Tensor<'static>)>> {
    let mut answers = Vec::new();
    for output in outputs {
        let sizes = output.dimensions.iter().map(|size| size.unwrap_or(4));
        let dimensions: Vec<u32> = sizes.collect();
        let kind = output.element_type.unwrap_or(ElementType::F32);
        let width = match kind {
            ElementType::U8 | ElementType::Boolean => 1,
            ElementType::F16 | ElementType::U16 => 2,
            ElementType::I64 | ElementType::F64 => 8,
            _ => 4,
        };
        let count = dimensions
            .iter()
            .fold(1_usize, |count, size| count.saturating_mul(*size as usize));
        let size = count.saturating_mul(width).min(MAX_OUTPUT_BYTES);
        let length = bytes.int_in_range(1..=64_usize)?.min(bytes.len().max(1));
        let pattern = bytes.bytes(length)?;
        let data: Vec<u8> = pattern.iter().copied().cycle().take(size).collect();
        answers.push((
            output.name.clone(),
            Tensor::from_parts(dimensions, kind, data),
        ));
    }
    Ok(answers)
}

fn run(properties: &str) -> core::result::Result<Vec<Detection>, Failure> {
    let mut element = Harness::<ObjectDetector>::new(properties)?;
    let caps = "video/x-raw, format=GRAY8, width=8, height=8, framerate=1/1";
    element.set_caps("sink", caps)?;
    let pushed = element.push(Buffer::from_bytes(&[9; 64]));
    // The harness keeps them until somebody asks.
    drop(element.logs());
    pushed?;
    Ok(element.pull()?.detections(OBJECTS))
}

fn check(detections: &[Detection]) {
    assert!(detections.len() <= MAX_DETECTIONS, "{}", detections.len());
    for found in detections {
        let Rect {
            x,
            y,
            width,
            height,
        } = found.rect;
        assert!(
            [x, y, width, height].iter().all(|edge| edge.is_finite()),
            "{found:?}"
        );
        assert!(width >= 0.0 && height >= 0.0, "{found:?}");
        assert!((0.0..=1.0).contains(&found.confidence), "{found:?}");
        let points = found
            .keypoints
            .iter()
            .flat_map(|point| [point.x, point.y, point.confidence]);
        assert!(points.into_iter().all(f32::is_finite), "{found:?}");
    }
}
