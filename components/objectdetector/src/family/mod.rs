//! Families of detectors: how each is recognised, what its own code does, and how
//! its outputs are decoded. One file a family; `KINDS` is the table of them.

/// Which family a model belongs to.
pub mod recognize;
/// Classes that families were trained on.
pub mod classes;
/// Lists of boxes that the model has suppressed itself.
mod lists;
mod detr;
mod efficient_nms;
mod end2end;
mod fastestdet;
mod nanodet;
mod rt_detr;
mod ssd;
mod tf_ssd;
mod torchvision;
mod ultraface;
mod yolov10;
mod yolov5;
mod yolov8;
mod yolox;
mod yunet;

use millstream_sdk::prelude::*;

use crate::decode::{Candidate, Details, Found, Setup, Wrong};
use crate::geometry::{Resize, Size};
use crate::outputs::Outputs;
use classes::LabelSet;
use recognize::Signature;

choices! {
    /// How a model's outputs are laid out.
    #[derive(Hash)]
    pub enum Family {
        /// Recognised from metadata, names and shapes.
        Auto = "auto",
        /// `FastestDet`.
        FastestDet = "fastestdet",
        /// YOLOX.
        Yolox = "yolox",
        /// `YOLOv5` and `YOLOv7`, with masks or without.
        Yolov5 = "yolov5",
        /// `YOLOv8`, `YOLOv9`, YOLO11 and others of ultralytics, with masks, points or neither.
        Yolov8 = "yolov8",
        /// `YOLOv10`, and all YOLOs exported with suppression that give rows of 6.
        Yolov10 = "yolov10",
        /// `NanoDet` and `NanoDet-Plus`.
        Nanodet = "nanodet",
        /// SSD with decoded boxes from 0 to 1.
        Ssd = "ssd",
        /// Detectors of torchvision: boxes in pixels, labels, scores.
        Torchvision = "torchvision",
        /// SSD and others of TensorFlow's object detection API.
        TfSsd = "tf-ssd",
        /// `YuNet`: faces with five points.
        Yunet = "yunet",
        /// `UltraFace`: faces.
        Ultraface = "ultraface",
        /// RT-DETR and its kin.
        RtDetr = "rt-detr",
        /// DETR.
        Detr = "detr",
        /// Models that end in `EfficientNMS`.
        EfficientNms = "efficient-nms",
        /// `YOLOv7` and YOLOX exported with suppression that give rows of 7.
        End2end = "end2end",
    }
}

/// A family.
#[derive(Debug)]
pub struct Kind {
    /// Which one it is.
    pub family: Family,
    /// Other names that metadata have for it.
    pub aliases: &'static [&'static str],
    /// What its outputs look like.
    pub layout: &'static str,
    /// What its own code does.
    pub defaults: Defaults,
    /// Whether a model's names and shapes are this family's.
    pub recognize: fn(&Signature<'_>) -> bool,
    /// Classes that the outputs have room for, if their shapes say so.
    pub classes: fn(&Signature<'_>) -> Option<usize>,
    /// Finds the boxes of at least the threshold.
    pub decode: fn(&Outputs<'_>, &Setup, &mut Found) -> Result<(), Wrong>,
    /// Points and mask of a box, if it can have any.
    pub details: Option<Describe>,
}

/// What works out points and mask of a box.
pub type Describe = fn(&Outputs<'_>, &Setup, &Candidate) -> Result<Details, Wrong>;

/// What a family does unless the user says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    /// Least confidence of a detection.
    pub confidence: f32,
    /// Boxes that overlap by more are one; none where the model sees to that.
    pub iou: Option<f32>,
    /// How frames are fitted into the input.
    pub resize: Resize,
    /// What stands around a fitted frame: 0 to 255.
    pub pad: f32,
    /// The first plane of the input is red; else blue.
    pub rgb: bool,
    /// What a pixel's 255 becomes before `mean` and `std`: 1 or 255.
    pub white: f32,
    /// Taken away from each of red, green, blue.
    pub mean: [f32; 3],
    /// What is left is divided by this.
    pub std: [f32; 3],
    /// Names of classes where nothing else names them.
    pub labels: LabelSet,
}

impl Defaults {
    /// What most YOLOs do: letterbox in the middle, RGB from 0 to 1.
    ///
    /// # Source
    /// `LetterBox` in ultralytics' `data/augment.py`; `conf` and `iou` in its
    /// `cfg/default.yaml`.
    pub const YOLO: Self = Self {
        confidence: 0.25,
        iou: Some(0.7),
        resize: Resize::Letterbox,
        pad: 114.0,
        rgb: true,
        white: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        labels: LabelSet::Coco,
    };

    /// The mean and deviation of `ImageNet`'s pictures.
    ///
    /// # Source
    /// torchvision's `transforms`: what its models were trained with.
    pub const IMAGENET: Self = Self {
        confidence: 0.5,
        iou: None,
        resize: Resize::Stretch,
        pad: 0.0,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        ..Self::YOLO
    };
}

/// All families, in the order in which they are tried: those with names of their
/// own first, then those that only a shape tells.
pub static KINDS: [&Kind; 15] = [
    &yunet::KIND,
    &tf_ssd::KIND,
    &efficient_nms::KIND,
    &ultraface::KIND,
    &rt_detr::KIND,
    &detr::KIND,
    &torchvision::KIND,
    &ssd::KIND,
    &fastestdet::KIND,
    &nanodet::KIND,
    &yolox::KIND,
    &yolov5::KIND,
    &yolov8::KIND,
    &yolov10::KIND,
    &end2end::KIND,
];

/// Each cell's column, row and stride, stride after stride, row after row. Borders
/// that are no whole cell have none.
pub fn grid(input: Size, strides: &[usize]) -> impl Iterator<Item = (f32, f32, f32)> {
    strides.iter().flat_map(move |stride| {
        let (columns, rows) = (input.width / stride, input.height / stride);
        let stride = *stride as f32;
        (0..rows).flat_map(move |y| (0..columns).map(move |x| (x as f32, y as f32, stride)))
    })
}

/// How many cells [`grid`] has.
pub fn cells(input: Size, strides: &[usize]) -> usize {
    strides
        .iter()
        .map(|stride| (input.width / stride) * (input.height / stride))
        .sum()
}

/// The strides of most detectors.
pub const STRIDES: [usize; 3] = [8, 16, 32];
