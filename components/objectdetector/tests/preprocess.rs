//! What the model is shown.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod layouts;

use layouts::{answering, caps, layout, objects, tensor_info};
use millstream_sdk::harness::without_views;
use millstream_sdk::nn::{ElementType, Model, Tensor};
use millstream_sdk::prelude::*;
use objectdetector::ObjectDetector;

/// What a model is shown of a square of one colour in an input of 64x32.
fn shown(properties: &str, element_type: ElementType) -> Tensor<'static> {
    let layout = layout("yolov8");
    let answers = (layout.answers)(&objects());
    let model = Model {
        inputs: vec![tensor_info("images", element_type, &[1, 3, 32, 64])],
        ..layout.model(&answers)
    };
    let asked = answering(model, answers);
    let properties = format!("model=test {properties}");
    let mut harness = Harness::<ObjectDetector>::new(&properties).unwrap();
    harness.set_caps("sink", &caps("RGB", 32, 32)).unwrap();
    let frame = Buffer::from_bytes(&[255, 102, 51].repeat(32 * 32));
    for _ in 0..2 {
        harness.push(frame.share()).unwrap();
    }
    asked.borrow_mut().pop().unwrap().remove(0).1
}

#[test]
fn a_letterbox_is_grey_and_orders_and_scales_are_as_asked() {
    let check = |properties: &str, element_type: ElementType, inside: f32, corner: f32| {
        for copies in [false, true] {
            // A host without views gives back what was written too.
            without_views(copies);
            let tensor = shown(properties, element_type);
            let input: Vec<f32> = match element_type {
                ElementType::U8 => tensor.bytes().iter().copied().map(f32::from).collect(),
                _ => tensor.as_f32().unwrap(),
            };
            let in_corner = properties.contains("topleft");
            // The frame is in the middle half of the line, or in its left one.
            let (frame, border) = if in_corner { (0, 32) } else { (32, 0) };
            for (place, expected) in [(frame, inside), (border, corner), (63, corner)] {
                let got = input[place];
                assert!(
                    (got - expected).abs() < 1e-4,
                    "{properties} {place}: {got} {expected}"
                );
            }
        }
    };
    let grey = 114.0 / 255.0;
    check("", ElementType::F32, 1.0, grey);
    check("scale=byte", ElementType::F32, 255.0, 114.0);
    check("", ElementType::U8, 255.0, 114.0);
    check("color-order=bgr", ElementType::F32, 0.2, grey);
    check("resize=stretch", ElementType::F32, 1.0, 1.0);
    check("resize=letterbox-topleft", ElementType::F32, 1.0, grey);
    check(
        "mean=0.5,0,0 std=2,1,1",
        ElementType::F32,
        0.25,
        (grey - 0.5) / 2.0,
    );
}
