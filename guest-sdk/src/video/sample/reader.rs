//! [`Reader`]: rows of red, green and blue of frames of any format.

use super::colors::{Colors, Line, Samples};
use super::columns::{self, Columns, Row, Tap};
use super::{Place, Target};
use crate::buffer::Rect;
use crate::nn::ElementType;
use crate::video::{Family, VideoFrame, VideoInfo};

/// Makes rows of red, green and blue of frames.
#[derive(Debug)]
pub(super) struct Reader {
    /// For each row of the picture; and memory for its columns.
    down: Vec<Tap>,
    across: Vec<Tap>,
    rows: Vec<Row>,
    columns: Vec<Columns>,
    /// Words that were picked, first those of the first columns.
    lines: [Vec<u32>; 6],
    /// For red, green and blue, or luma, U and V: of which columns, and where in these
    /// a sample lies, and its neighbour.
    sources: [(usize, usize, usize); 3],
    colors: Colors,
}

impl Reader {
    pub(super) fn new(info: &VideoInfo, target: &Target) -> Self {
        let luma = |offset, step| Columns::new(0, 0, offset, step, step);
        let (rows, columns, sources) = match info.format.family() {
            Family::Rgb { bytes, rgb, .. } => {
                let all = Columns::new(0, 0, 0, bytes, bytes);
                let rows = vec![Row::new(0, None, 0)];
                (rows, vec![all], rgb.map(|at| (0, at, at + bytes)))
            }
            Family::Gray => {
                let rows = vec![Row::new(0, None, 0)];
                (rows, vec![luma(0, 1)], [(0, 0, 1); 3])
            }
            Family::Planar { uv: [u, v] } => {
                let rows = vec![Row::new(0, None, 0), Row::new(u, Some(v), 1)];
                let pairs = Columns::new(1, 1, 0, 2, 2);
                let sources = [(0, 0, 1), (1, 0, 2), (1, 1, 3)];
                (rows, vec![luma(0, 1), pairs], sources)
            }
            Family::SemiPlanar { uv: [u, v] } => {
                let rows = vec![Row::new(0, None, 0), Row::new(1, None, 1)];
                let pairs = Columns::new(1, 1, 0, 2, 2);
                let sources = [(0, 0, 1), (1, u, u + 2), (1, v, v + 2)];
                (rows, vec![luma(0, 1), pairs], sources)
            }
            Family::Packed422 { yuyv: [y, u, _, v] } => {
                let rows = vec![Row::new(0, None, 0)];
                let groups = Columns::new(0, 1, 0, 4, 4);
                let sources = [(0, 0, 2), (1, u, u + 4), (1, v, v + 4)];
                (rows, vec![luma(y, 2), groups], sources)
            }
        };
        let mut colors = *target;
        if target.element_type == ElementType::F16 {
            (colors.factor, colors.offset) = ([1.0; 3], [0.0; 3]);
        }
        Self {
            down: Vec::new(),
            across: Vec::new(),
            rows,
            columns,
            lines: [const { Vec::new() }; 6],
            sources,
            colors: Colors::new(info, &colors),
        }
    }

    pub(super) fn aim(&mut self, info: &VideoInfo, from: Rect, place: Place) {
        columns::fill(
            &mut self.across,
            (from.x, from.width),
            place.width,
            info.width,
        );
        columns::fill(
            &mut self.down,
            (from.y, from.height),
            place.height,
            info.height,
        );
        self.rows.iter_mut().for_each(|row| row.clear(info));
        for columns in &mut self.columns {
            if let Some(row) = self.rows.get_mut(columns.row) {
                columns.aim(&self.across, row);
            }
        }
        for line in &mut self.lines {
            line.resize(place.width, 0);
        }
    }

    /// A new frame comes.
    pub(super) fn forget(&mut self) {
        self.rows.iter_mut().for_each(Row::forget);
    }

    /// A row of the picture.
    pub(super) fn read(
        &mut self,
        frame: &VideoFrame<'_>,
        y: usize,
        red: &mut [f32],
        green: &mut [f32],
        blue: &mut [f32],
    ) {
        let tap = self.down.get(y).copied().unwrap_or_default();
        let mut changed = [false; 2];
        for (row, changed) in self.rows.iter_mut().zip(&mut changed) {
            *changed = row.blend(frame, tap);
        }
        let mut words = self.lines.as_mut_slice();
        for columns in &self.columns {
            let (own, others) = words.split_at_mut(columns.words.min(words.len()));
            words = others;
            if let (Some(row), Some(true)) = (self.rows.get(columns.row), changed.get(columns.row))
            {
                columns.pick(row, own);
            }
        }
        let before = self.columns.first().map_or(0, |columns| columns.words);
        let lines = self.sources.map(|(index, near, far)| {
            let columns = self.columns.get(index);
            let samples = |at: usize| {
                let line = self.lines.get(index * before + at / 2);
                let words = line.map_or(&[] as &[u32], |line| line);
                Samples {
                    words,
                    shift: 16 * (at % 2) as u32,
                }
            };
            let weights = columns.map_or(&[] as &[f32], |columns| &columns.weights);
            let plain = columns.is_some_and(|columns| columns.plain);
            Line {
                near: samples(near),
                far: samples(far),
                weights,
                plain,
            }
        });
        self.colors.convert(&lines, red, green, blue);
    }
}
