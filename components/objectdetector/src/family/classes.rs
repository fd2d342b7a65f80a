//! The classes that families of detectors were trained on.

/// Classes that a family was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSet {
    /// COCO's 80, numbered without gaps.
    Coco,
    /// COCO's 80 after the background.
    CocoAfterBackground,
    /// COCO's own numbers up to 90, of which ten stand for nothing.
    Coco91,
    /// Faces.
    Face,
}

impl LabelSet {
    /// The labels by class index; empty where a number stands for nothing.
    ///
    /// # Source
    /// <https://cocodataset.org/#download>: `categories` of the annotations of 2017.
    pub fn names(self) -> Vec<String> {
        /// Numbers that no annotation has.
        const UNUSED: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
        let mut coco = COCO.iter().map(|label| (*label).to_owned());
        let background = || "background".to_owned();
        match self {
            Self::Coco => coco.collect(),
            Self::CocoAfterBackground => core::iter::once(background()).chain(coco).collect(),
            Self::Coco91 => (0..=90)
                .map(|number| match number {
                    0 => background(),
                    number if UNUSED.contains(&number) => String::new(),
                    _ => coco.next().unwrap_or_default(),
                })
                .collect(),
            Self::Face => vec!["face".to_owned()],
        }
    }

    /// The same for a model of so many classes: none if that is another number.
    pub fn of_classes(self, classes: Option<usize>) -> Vec<String> {
        let names = self.names();
        let fits = classes.is_none_or(|classes| classes == names.len());
        if fits { names } else { Vec::new() }
    }
}

/// The 80 classes of COCO, as detectors number them.
const COCO: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorbike",
    "aeroplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "sofa",
    "pottedplant",
    "bed",
    "diningtable",
    "toilet",
    "tvmonitor",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_labels() {
        let at = |set: LabelSet, class: usize| set.names()[class].clone();
        assert_eq!(at(LabelSet::Coco, 16), "dog");
        assert_eq!(at(LabelSet::CocoAfterBackground, 17), "dog");
        assert_eq!(at(LabelSet::Coco91, 18), "dog");
        assert_eq!(at(LabelSet::Coco91, 90), "toothbrush");
        assert_eq!(at(LabelSet::Coco91, 12), "");
        let length = |set: LabelSet, classes| set.of_classes(classes).len();
        assert_eq!(length(LabelSet::Coco, Some(80)), 80);
        assert_eq!(length(LabelSet::Coco, None), 80);
        assert_eq!(length(LabelSet::Coco, Some(3)), 0);
        assert_eq!(length(LabelSet::Coco91, Some(91)), 91);
    }
}
