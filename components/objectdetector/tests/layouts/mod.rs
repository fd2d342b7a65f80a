//! Models that say known objects in the layout of each family: what a decoder is
//! tested with.
#![allow(dead_code, reason = "each test uses its own part")]

use std::cell::RefCell;
use std::rc::Rc;

use millstream_sdk::harness::fake_model;
use millstream_sdk::nn::{ElementType, Model, Tensor, TensorInfo};
use millstream_sdk::prelude::*;
use objectdetector::decode::Setup;
use objectdetector::family::{Family, STRIDES, cells, grid};
use objectdetector::geometry::Size;
use objectdetector::outputs;

pub(crate) mod lists;
pub(crate) mod yolos;

pub(crate) const INPUT: Size = Size {
    width: 64,
    height: 32,
};

/// Classes of the tests' models.
pub(crate) const CLASSES: usize = 3;

/// Points of the tests' poses.
pub(crate) const POINTS: usize = 2;

/// An object that a model is to find.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    /// Left, top, right, bottom in pixels of the input.
    pub(crate) edges: [f32; 4],
    pub(crate) class: u32,
    pub(crate) confidence: f32,
}

impl Object {
    pub(crate) fn new(edges: [f32; 4], class: u32, confidence: f32) -> Self {
        Self {
            edges,
            class,
            confidence,
        }
    }

    /// Centre and size in pixels.
    pub(crate) fn middle(&self) -> [f32; 4] {
        let [left, top, right, bottom] = self.edges;
        let (x, y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        [x, y, right - left, bottom - top]
    }

    /// Where its points are: two of its corners, with their confidence.
    pub(crate) fn points(&self) -> [[f32; 3]; POINTS] {
        let [left, top, right, bottom] = self.edges;
        [[left, top, 0.5], [right, bottom, 1.0]]
    }

    /// Edges from 0 to 1.
    pub(crate) fn unit(&self) -> [f32; 4] {
        unit(self.edges)
    }

    /// Centre and size from 0 to 1.
    pub(crate) fn unit_middle(&self) -> [f32; 4] {
        unit(self.middle())
    }
}

fn unit([a, b, c, d]: [f32; 4]) -> [f32; 4] {
    let (width, height) = (INPUT.width as f32, INPUT.height as f32);
    [a / width, b / height, c / width, d / height]
}

/// Two objects that every family can say.
pub(crate) fn objects() -> Vec<Object> {
    vec![
        Object::new([8.0, 6.0, 28.0, 24.0], 2, 0.9),
        Object::new([39.0, 8.0, 56.0, 30.0], 0, 0.6),
    ]
}

/// An output of a model.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) name: &'static str,
    pub(crate) element_type: ElementType,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

impl Answer {
    pub(crate) fn new(name: &'static str, dimensions: &[usize], values: Vec<f32>) -> Self {
        assert_eq!(values.len(), dimensions.iter().product::<usize>(), "{name}");
        Self {
            name,
            element_type: ElementType::F32,
            dimensions: dimensions.iter().map(|size| *size as u32).collect(),
            values,
        }
    }

    pub(crate) fn integers(mut self) -> Self {
        self.element_type = ElementType::I64;
        self
    }

    pub(crate) fn tensor(&self) -> Tensor<'static> {
        let bytes = self
            .values
            .iter()
            .flat_map(|value| match self.element_type {
                ElementType::I64 => (*value as i64).to_le_bytes().to_vec(),
                ElementType::I32 => (*value as i32).to_le_bytes().to_vec(),
                ElementType::F16 => millstream_sdk::half::f16_from_f32(*value)
                    .to_le_bytes()
                    .to_vec(),
                _ => value.to_le_bytes().to_vec(),
            });
        Tensor::from_parts(self.dimensions.clone(), self.element_type, bytes.collect())
    }

    fn info(&self) -> TensorInfo {
        tensor_info(self.name, self.element_type, &self.dimensions)
    }
}

/// A family's way to say objects.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    /// Nothing but `family` tells which it is.
    pub(crate) needs_family: bool,
    pub(crate) metadata: &'static [(&'static str, &'static str)],
    /// Classes that it knows: 3 or, for faces, 1.
    pub(crate) classes: u32,
    pub(crate) answers: fn(&[Object]) -> Vec<Answer>,
}

impl Layout {
    const fn new(
        name: &'static str,
        family: Family,
        answers: fn(&[Object]) -> Vec<Answer>,
    ) -> Self {
        Self {
            name,
            family,
            needs_family: false,
            metadata: &[("names", "{0: 'a', 1: 'b', 2: 'c'}")],
            classes: CLASSES as u32,
            answers,
        }
    }

    /// The same objects in classes that the family has.
    pub(crate) fn objects(&self, objects: &[Object]) -> Vec<Object> {
        let class = |class: u32| match self.name {
            // The first is the background.
            "ssd by class" => 1 + class % 2,
            _ => class % self.classes,
        };
        let of_class = |object: &Object| Object {
            class: class(object.class),
            ..object.clone()
        };
        objects.iter().map(of_class).collect()
    }

    pub(crate) fn has_points(&self) -> bool {
        self.metadata.iter().any(|(key, _)| *key == "kpt_shape")
    }

    pub(crate) fn has_masks(&self) -> bool {
        self.name.contains("masks")
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup {
            input: INPUT,
            labels: if self.classes == 1 { 0 } else { CLASSES },
            keypoints: self.has_points().then_some((POINTS, 3)),
            mask_cells: 4096,
        }
    }

    /// What the host says of such a model.
    pub(crate) fn model(&self, answers: &[Answer]) -> Model {
        let (width, height) = (INPUT.width as u32, INPUT.height as u32);
        let mut inputs = vec![match self.family {
            Family::TfSsd => tensor_info("image", ElementType::U8, &[1, height, width, 3]),
            _ => tensor_info("images", ElementType::F32, &[1, 3, height, width]),
        }];
        if self.name == "rt-detr original" {
            inputs.push(tensor_info("orig_target_sizes", ElementType::I64, &[0, 2]));
        }
        if self.name == "detr" {
            inputs.push(tensor_info("pixel_mask", ElementType::I64, &[0, 8, 8]));
        }
        let pairs = self.metadata.iter();
        Model {
            inputs,
            outputs: answers.iter().map(Answer::info).collect(),
            metadata: pairs
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            ..Model::named("test")
        }
    }
}

const ULTRALYTICS_POSE: &[(&str, &str)] = &[
    ("author", "Ultralytics"),
    ("names", "{0: 'a', 1: 'b', 2: 'c'}"),
    ("kpt_shape", "[2, 3]"),
];

/// Every family in every form.
pub(crate) fn layouts() -> Vec<Layout> {
    let pose = |layout| Layout {
        metadata: ULTRALYTICS_POSE,
        ..layout
    };
    let faces = |layout| Layout {
        classes: 1,
        metadata: &[],
        ..layout
    };
    vec![
        Layout::new("fastestdet", Family::FastestDet, yolos::fastestdet),
        Layout::new("yolox", Family::Yolox, yolos::yolox),
        Layout::new("yolov5", Family::Yolov5, yolos::yolov5),
        Layout::new("yolov5 masks", Family::Yolov5, yolos::yolov5_masks),
        Layout::new("yolov8", Family::Yolov8, yolos::yolov8),
        Layout::new("yolov8 turned", Family::Yolov8, yolos::yolov8_turned),
        Layout::new("yolov8 masks", Family::Yolov8, yolos::yolov8_masks),
        pose(Layout::new(
            "yolov8 points",
            Family::Yolov8,
            yolos::yolov8_points,
        )),
        Layout::new("yolov10", Family::Yolov10, lists::yolov10),
        Layout::new("yolov10 masks", Family::Yolov10, lists::yolov10_masks),
        pose(Layout::new(
            "yolov10 points",
            Family::Yolov10,
            lists::yolov10_points,
        )),
        Layout::new("nanodet-plus", Family::Nanodet, yolos::nanodet_plus),
        Layout {
            needs_family: true,
            ..Layout::new("nanodet", Family::Nanodet, yolos::nanodet)
        },
        Layout::new("ssd", Family::Ssd, lists::ssd),
        Layout::new("ssd by class", Family::Ssd, lists::ssd_by_class),
        Layout::new("torchvision", Family::Torchvision, lists::torchvision),
        Layout::new(
            "torchvision by type",
            Family::Torchvision,
            lists::torchvision_by_type,
        ),
        Layout::new("tf-ssd", Family::TfSsd, lists::tf_ssd),
        faces(Layout::new("yunet", Family::Yunet, yolos::yunet)),
        faces(Layout::new(
            "ultraface",
            Family::Ultraface,
            lists::ultraface,
        )),
        Layout::new("rt-detr", Family::RtDetr, lists::rt_detr),
        Layout::new("rt-detr original", Family::RtDetr, lists::rt_detr_original),
        Layout::new("rt-detr logits", Family::RtDetr, lists::rt_detr_logits),
        Layout::new("detr", Family::Detr, lists::detr),
        Layout::new("efficient-nms", Family::EfficientNms, lists::efficient_nms),
        Layout::new("end2end", Family::End2end, lists::end2end),
    ]
}

pub(crate) fn layout(name: &str) -> Layout {
    let mut all = layouts().into_iter();
    all.find(|layout| layout.name == name).unwrap()
}

/// The outputs as decoders see them.
pub(crate) fn decoded_view(answers: &[Answer]) -> outputs::Outputs<'_> {
    let tensors = answers.iter().map(|answer| {
        let integers = answer.element_type == ElementType::I64;
        let values = answer.values.as_slice();
        outputs::Tensor::new(answer.name, &answer.dimensions, values, integers).unwrap()
    });
    outputs::Outputs::from_tensors(tensors.collect())
}

/// A size of 0 is an open one.
pub(crate) fn tensor_info(name: &str, element_type: ElementType, dimensions: &[u32]) -> TensorInfo {
    TensorInfo {
        name: name.into(),
        element_type: Some(element_type),
        dimensions: dimensions
            .iter()
            .map(|size| (*size > 0).then_some(*size))
            .collect(),
    }
}

/// What a model was asked with, run by run.
pub(crate) type Asked = Rc<RefCell<Vec<Vec<(String, Tensor<'static>)>>>>;

/// Makes the model `test`, which always answers with these; gives what it is asked.
pub(crate) fn answering(model: Model, answers: Vec<Answer>) -> Asked {
    let asked = Asked::default();
    let kept = Rc::clone(&asked);
    fake_model(model, move |inputs| {
        kept.borrow_mut().push(inputs);
        let answer = |answer: &Answer| (answer.name.to_owned(), answer.tensor());
        Ok(answers.iter().map(answer).collect())
    });
    asked
}

pub(crate) fn caps(format: &str, width: usize, height: usize) -> String {
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=30/1")
}

/// How many pixels of an edge is wrong, at most.
pub(crate) fn distance(a: [f32; 4], b: [f32; 4]) -> f32 {
    let edges = a.iter().zip(b);
    edges.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The edges of a detection's rectangle.
pub(crate) fn edges(rect: &Rect) -> [f32; 4] {
    [rect.x, rect.y, rect.x + rect.width, rect.y + rect.height]
}

/// The cell of stride 8 in which an object's centre lies.
pub(crate) fn home(object: &Object) -> usize {
    let [x, y, ..] = object.middle();
    (y / 8.0) as usize * (INPUT.width / 8) + (x / 8.0) as usize
}

fn all_cells() -> usize {
    cells(INPUT, &STRIDES)
}

fn places() -> Vec<(f32, f32, f32)> {
    grid(INPUT, &STRIDES).collect()
}
