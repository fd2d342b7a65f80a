//! Families that give a box for each cell.

use super::{Answer, CLASSES, INPUT, Object, all_cells, home, places};

/// Prototypes of masks of the tests' models: the left half, and the upper half.
pub(crate) const MASKS: usize = 2;

/// Rows turned into channels.
fn turned(rows: &[f32], channels: usize) -> Vec<f32> {
    let cells = rows.len() / channels;
    let at = |place: usize| rows[place % cells * channels + place / cells];
    (0..rows.len()).map(at).collect()
}

/// A row of zeros for each cell, in which each object's is what `row` says.
fn rows(
    cells: usize,
    channels: usize,
    objects: &[Object],
    row: impl Fn(usize, &Object) -> (usize, Vec<f32>),
) -> Vec<f32> {
    let mut values = vec![0.0; cells * channels];
    for (index, object) in objects.iter().enumerate() {
        let (cell, row) = row(index, object);
        values[cell * channels..][..channels].copy_from_slice(&row);
    }
    values
}

fn scores(object: &Object, confidence: f32) -> Vec<f32> {
    let mut scores = vec![0.0; CLASSES];
    scores[object.class as usize] = confidence;
    scores
}

pub(crate) fn fastestdet(objects: &[Object]) -> Vec<Answer> {
    let (columns, lines) = (8, 4);
    let values = rows(columns * lines, 5 + CLASSES, objects, |_, object| {
        let [x, y, width, height] = object.middle();
        let [x, y] = [x / 8.0, y / 8.0];
        let logit = |part: f32| (part / (1.0 - part)).ln();
        let mut row = vec![0.95, x.fract().atanh(), y.fract().atanh()];
        row.extend([logit(width / 64.0), logit(height / 32.0)]);
        let score = (object.confidence / 0.95_f32.powf(0.6)).powf(2.5);
        row.extend(scores(object, score));
        (home(object), row)
    });
    let values = turned(&values, 5 + CLASSES);
    vec![Answer::new(
        "out",
        &[1, 5 + CLASSES, lines, columns],
        values,
    )]
}

pub(crate) fn yolox(objects: &[Object]) -> Vec<Answer> {
    let places = places();
    let values = rows(all_cells(), 5 + CLASSES, objects, |index, object| {
        // Any cell of any stride can say any box.
        let cell = 3 + index * 13;
        let (column, line, stride) = places[cell];
        let [x, y, width, height] = object.middle();
        let mut row = vec![x / stride - column, y / stride - line];
        row.extend([(width / stride).ln(), (height / stride).ln(), 0.96]);
        row.extend(scores(object, object.confidence / 0.96));
        (cell, row)
    });
    vec![Answer::new("out", &[1, all_cells(), 5 + CLASSES], values)]
}

fn yolov5_rows(objects: &[Object], masks: bool) -> Vec<f32> {
    let channels = 5 + CLASSES + usize::from(masks) * MASKS;
    rows(3 * all_cells(), channels, objects, |index, object| {
        let mut row = object.middle().to_vec();
        row.push(0.97);
        row.extend(scores(object, object.confidence / 0.97));
        row.extend(coefficients(index).into_iter().filter(|_| masks));
        (7 + index * 30, row)
    })
}

pub(crate) fn yolov5(objects: &[Object]) -> Vec<Answer> {
    let values = yolov5_rows(objects, false);
    vec![Answer::new(
        "output0",
        &[1, 3 * all_cells(), 5 + CLASSES],
        values,
    )]
}

pub(crate) fn yolov5_masks(objects: &[Object]) -> Vec<Answer> {
    let (values, channels) = (yolov5_rows(objects, true), 5 + CLASSES + MASKS);
    let boxes = Answer::new("output0", &[1, 3 * all_cells(), channels], values);
    vec![boxes, prototypes()]
}

/// The first object is masked by the left half, the others by the upper one.
pub(crate) fn coefficients(index: usize) -> [f32; MASKS] {
    if index == 0 { [8.0, 0.0] } else { [0.0, 8.0] }
}

/// At a quarter of the input's size: 1 inside, -1 outside.
pub(crate) fn prototypes() -> Answer {
    let (width, height) = (INPUT.width / 4, INPUT.height / 4);
    let sign = |inside: bool| if inside { 1.0 } else { -1.0 };
    let left = (0..width * height).map(|place| sign(place % width < width / 2));
    let upper = (0..width * height).map(|place| sign(place / width < height / 2));
    Answer::new(
        "output1",
        &[1, MASKS, height, width],
        left.chain(upper).collect(),
    )
}

fn yolov8_rows(objects: &[Object], rest: fn(usize, &Object) -> Vec<f32>, more: usize) -> Vec<f32> {
    rows(all_cells(), 4 + CLASSES + more, objects, |index, object| {
        let mut row = object.middle().to_vec();
        row.extend(scores(object, object.confidence));
        row.extend(rest(index, object));
        (index * 5, row)
    })
}

pub(crate) fn yolov8(objects: &[Object]) -> Vec<Answer> {
    let values = turned(&yolov8_rows(objects, |_, _| vec![], 0), 4 + CLASSES);
    vec![Answer::new(
        "output0",
        &[1, 4 + CLASSES, all_cells()],
        values,
    )]
}

pub(crate) fn yolov8_turned(objects: &[Object]) -> Vec<Answer> {
    let values = yolov8_rows(objects, |_, _| vec![], 0);
    vec![Answer::new(
        "output0",
        &[1, all_cells(), 4 + CLASSES],
        values,
    )]
}

pub(crate) fn yolov8_masks(objects: &[Object]) -> Vec<Answer> {
    let channels = 4 + CLASSES + MASKS;
    let rest = |index: usize, _: &Object| coefficients(index).to_vec();
    let values = turned(&yolov8_rows(objects, rest, MASKS), channels);
    vec![
        Answer::new("output0", &[1, channels, all_cells()], values),
        prototypes(),
    ]
}

pub(crate) fn yolov8_points(objects: &[Object]) -> Vec<Answer> {
    let channels = 4 + CLASSES + 6;
    let rest = |_: usize, object: &Object| object.points().as_flattened().to_vec();
    let values = turned(&yolov8_rows(objects, rest, 6), channels);
    vec![Answer::new("output0", &[1, channels, all_cells()], values)]
}

/// Logits of a distribution over 0 to 7 with that mean.
fn distribution(mean: f32) -> Vec<f32> {
    let part = |bin: usize| (1.0 - (mean - bin as f32).abs()).max(1e-9);
    (0..8).map(|bin| part(bin).ln()).collect()
}

fn nanodet_rows(objects: &[Object], cells: usize, offset: f32) -> Vec<f32> {
    rows(cells, CLASSES + 32, objects, |_, object| {
        let cell = home(object);
        let x = ((cell % 8) as f32 + offset) * 8.0;
        let y = ((cell / 8) as f32 + offset) * 8.0;
        let [left, top, right, bottom] = object.edges;
        let mut row = scores(object, object.confidence);
        for side in [x - left, y - top, right - x, bottom - y] {
            row.extend(distribution(side / 8.0));
        }
        (cell, row)
    })
}

pub(crate) fn nanodet_plus(objects: &[Object]) -> Vec<Answer> {
    // 8x4 + 4x2 + 2x1 cells, and one of stride 64 though it is not whole.
    let values = nanodet_rows(objects, 43, 0.0);
    vec![Answer::new("output", &[1, 43, CLASSES + 32], values)]
}

pub(crate) fn nanodet(objects: &[Object]) -> Vec<Answer> {
    let values = nanodet_rows(objects, 42, 0.5);
    vec![Answer::new("output", &[1, 42, CLASSES + 32], values)]
}

pub(crate) fn yunet(objects: &[Object]) -> Vec<Answer> {
    const NAMES: [[&str; 4]; 3] = [
        ["cls_8", "obj_8", "bbox_8", "kps_8"],
        ["cls_16", "obj_16", "bbox_16", "kps_16"],
        ["cls_32", "obj_32", "bbox_32", "kps_32"],
    ];
    let places = places();
    let row = |index: usize, object: &Object| {
        let cell = 2 + index * 19;
        let (column, line, stride) = places[cell];
        let [x, y, width, height] = object.middle();
        let mut row = vec![object.confidence.powi(2) / 0.99, 0.99];
        row.extend([x / stride - column, y / stride - line]);
        row.extend([(width / stride).ln(), (height / stride).ln()]);
        for [x, y] in face(object) {
            row.extend([x / stride - column, y / stride - line]);
        }
        (cell, row)
    };
    let values = rows(all_cells(), 16, objects, row);
    let mut answers = vec![];
    let mut before = 0;
    for (names, stride) in NAMES.iter().zip([8, 16, 32]) {
        let cells = (INPUT.width / stride) * (INPUT.height / stride);
        let rows = &values[before * 16..][..cells * 16];
        before += cells;
        for (name, range) in names.iter().zip([0..1, 1..2, 2..6, 6..16]) {
            let part = |row: &[f32]| row[range.clone()].to_vec();
            let values = rows.chunks(16).flat_map(part).collect();
            answers.push(Answer::new(name, &[1, cells, range.len()], values));
        }
    }
    // As exporters order them: all scores first.
    answers.sort_by_key(|answer| answer.dimensions[2]);
    answers
}

/// Where the five points of a face are.
pub(crate) fn face(object: &Object) -> [[f32; 2]; 5] {
    let [left, top, right, bottom] = object.edges;
    let [x, y, ..] = object.middle();
    [
        [left, top],
        [right, top],
        [x, y],
        [left, bottom],
        [right, bottom],
    ]
}
