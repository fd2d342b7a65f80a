//! From a canvas to the frame's format, area by area.

use millstream_sdk::video::{Family, PlaneMut, VideoFrameMut};

use crate::canvas::{Area, Canvas};
use crate::color::Sample;

/// Writes a part of the canvas to the frame.
pub(crate) fn pack(canvas: &Canvas, area: Area, frame: &mut VideoFrameMut<'_>) {
    let area = area.even(canvas.width, canvas.height);
    let family = frame.info().format.family();
    let [mut first, mut second, mut third] = frame.planes_mut();
    match family {
        Family::Rgb { bytes: 3, rgb, .. } => rgb_24(canvas, area, rgb, &mut first),
        Family::Rgb { rgb, .. } => rgb_32(canvas, area, rgb, &mut first),
        Family::Gray => luma(canvas, area, &mut first),
        Family::Packed422 { yuyv } => packed(canvas, area, yuyv, &mut first),
        Family::SemiPlanar { uv } => {
            luma(canvas, area, &mut first);
            chroma_pairs(canvas, area, uv, &mut second);
        }
        Family::Planar { uv } => {
            luma(canvas, area, &mut first);
            match uv {
                [1, _] => chroma_planes(canvas, area, &mut second, &mut third),
                _ => chroma_planes(canvas, area, &mut third, &mut second),
            }
        }
    }
}

/// The samples of each row of the area, with the bytes of the frame from where
/// the area begins: `bytes` for each `pixels` pixels.
fn rows<'a>(
    canvas: &'a Canvas,
    area: Area,
    plane: &'a mut PlaneMut<'_>,
    (bytes, pixels): (usize, usize),
) -> impl Iterator<Item = (&'a [Sample], &'a mut [u8])> {
    let start = area.x.0 / pixels * bytes;
    let rows = plane
        .rows_mut()
        .enumerate()
        .skip(area.y.0)
        .take(area.y.1 - area.y.0);
    rows.map(move |(y, row)| {
        (
            canvas.span(y, area.x),
            row.get_mut(start..).unwrap_or_default(),
        )
    })
}

fn rgb_24(canvas: &Canvas, area: Area, rgb: [usize; 3], plane: &mut PlaneMut<'_>) {
    for (samples, row) in rows(canvas, area, plane, (3, 1)) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        for (pixel, [r, g, b]) in pixels.iter_mut().zip(samples) {
            *pixel = if rgb == [0, 1, 2] {
                [*r, *g, *b]
            } else {
                [*b, *g, *r]
            };
        }
    }
}

fn rgb_32(canvas: &Canvas, area: Area, rgb: [usize; 3], plane: &mut PlaneMut<'_>) {
    for (samples, row) in rows(canvas, area, plane, (4, 1)) {
        let (pixels, _) = row.as_chunks_mut::<4>();
        for (pixel, [r, g, b]) in pixels.iter_mut().zip(samples) {
            *pixel = if rgb == [0, 1, 2] {
                [*r, *g, *b, 255]
            } else {
                [*b, *g, *r, 255]
            };
        }
    }
}

fn luma(canvas: &Canvas, area: Area, plane: &mut PlaneMut<'_>) {
    for (samples, row) in rows(canvas, area, plane, (1, 1)) {
        row.iter_mut()
            .zip(samples)
            .for_each(|(byte, [y, ..])| *byte = *y);
    }
}

fn packed(canvas: &Canvas, area: Area, yuyv: [usize; 4], plane: &mut PlaneMut<'_>) {
    for (samples, row) in rows(canvas, area, plane, (4, 2)) {
        let (groups, _) = row.as_chunks_mut::<4>();
        for (group, pair) in groups.iter_mut().zip(samples.chunks(2)) {
            let (Some(&left), Some(&right)) = (pair.first(), pair.last()) else {
                continue;
            };
            let [u, v] = chroma([left, right, left, right]);
            *group = match yuyv {
                [0, ..] => [left[0], u, right[0], v],
                _ => [u, left[0], v, right[0]],
            };
        }
    }
}

/// The mean chroma of each square of four pixels of a row of chroma.
fn chroma_row(canvas: &Canvas, area: Area, y: usize) -> impl Iterator<Item = [u8; 2]> {
    let upper = canvas.span(2 * y, area.x);
    // The last row of an odd height stands for both.
    let lower = canvas.span((2 * y + 1).min(canvas.height - 1), area.x);
    upper.chunks(2).zip(lower.chunks(2)).map(|(upper, lower)| {
        let ends = |pair: &[Sample]| {
            let last = pair.last().copied().unwrap_or_default();
            (pair.first().copied().unwrap_or(last), last)
        };
        let ((a, b), (c, d)) = (ends(upper), ends(lower));
        chroma([a, b, c, d])
    })
}

fn chroma(square: [Sample; 4]) -> [u8; 2] {
    let sum = |pick: fn(&Sample) -> u8| square.iter().map(|s| u16::from(pick(s))).sum::<u16>();
    [(sum(|[_, u, _]| *u) + 2) / 4, (sum(|[_, _, v]| *v) + 2) / 4].map(|mean| mean as u8)
}

fn chroma_pairs(canvas: &Canvas, area: Area, uv: [usize; 2], plane: &mut PlaneMut<'_>) {
    for y in area.y.0 / 2..area.y.1.div_ceil(2) {
        let (pairs, _) = plane.row_mut(y).as_chunks_mut::<2>();
        let means = chroma_row(canvas, area, y);
        for (pair, [u, v]) in pairs.iter_mut().skip(area.x.0 / 2).zip(means) {
            *pair = if uv == [0, 1] { [u, v] } else { [v, u] };
        }
    }
}

fn chroma_planes(canvas: &Canvas, area: Area, us: &mut PlaneMut<'_>, vs: &mut PlaneMut<'_>) {
    for y in area.y.0 / 2..area.y.1.div_ceil(2) {
        let pixels = us
            .row_mut(y)
            .iter_mut()
            .zip(vs.row_mut(y))
            .skip(area.x.0 / 2);
        for ((to_u, to_v), [u, v]) in pixels.zip(chroma_row(canvas, area, y)) {
            (*to_u, *to_v) = (u, v);
        }
    }
}
