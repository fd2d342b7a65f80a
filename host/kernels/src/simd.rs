//! The inner loops, in whatever vectors the processor has.
//!
//! Each [`SimdOp`] is compiled for every instruction set, and with it only what is
//! inlined; hence `inline(always)` on all that they call.

#![allow(
    clippy::inline_always,
    reason = "what is not inlined is compiled for the oldest processor"
)]

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, SimdOp};

use crate::{BLOCK, Geometry, MAX_LANES, VECTORS, Window, Work};

impl Window {
    /// Copies a channel into its planes and writes the borders.
    #[inline(always)]
    fn fill<I: Isa>(&self, isa: I, g: &Geometry, input: &[f32], planes: &mut [f32]) -> Option<()> {
        let [in_h, in_w] = g.input;
        let [plane_h, plane_w] = g.plane;
        let [s_h, s_w] = self.spec.strides;
        let [top, left, ..] = self.spec.pads;
        let border = match self.work {
            Work::Max => f32::NEG_INFINITY,
            Work::Depthwise { .. } | Work::Dense { .. } => 0.0,
        };
        let mut rows = planes.chunks_exact_mut(plane_w);
        for phase in 0..s_h * s_w {
            let (phase_y, phase_x) = (phase / s_w, phase % s_w);
            // The first column that has an input, that input, and how many have one.
            let first = left.saturating_sub(phase_x).div_ceil(s_w);
            let from = first * s_w + phase_x - left;
            let inside = in_w.saturating_sub(from).div_ceil(s_w);
            let inside = inside.min(plane_w.saturating_sub(first));
            for y in 0..plane_h {
                let row = rows.next()?;
                let in_y = (y * s_h + phase_y).checked_sub(top);
                let Some(in_y) = in_y.filter(|&y| y < in_h && inside > 0) else {
                    row.fill(border);
                    continue;
                };
                let source = input.get(in_y * in_w + from..(in_y + 1) * in_w)?;
                let (before, row) = row.split_at_mut_checked(first)?;
                let (row, after) = row.split_at_mut_checked(inside)?;
                before.fill(border);
                after.fill(border);
                match s_w {
                    1 => copy(isa, source.get(..inside)?, row, f32::NEG_INFINITY)?,
                    2 => every_second(source, row)?,
                    _ => {
                        for (to, from) in row.iter_mut().zip(source.iter().step_by(s_w)) {
                            *to = *from;
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// Copies rows out of a line.
    #[inline(always)]
    fn crop<I: Isa>(&self, isa: I, g: &Geometry, line: &[f32], output: &mut [f32]) -> Option<()> {
        let least = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let rows = output.chunks_exact_mut(g.output[1]);
        for (row, from) in rows.zip(line.chunks(g.plane[1])) {
            copy(isa, from.get(..row.len())?, row, least)?;
        }
        Some(())
    }
}

/// Copies a row and raises what is below `least`. Rows are short: the call of a
/// general copy would take longer than the copying.
#[inline(always)]
fn copy<I: Isa>(isa: I, from: &[f32], to: &mut [f32], least: f32) -> Option<()> {
    let ops = isa.f32();
    let lanes = ops.len();
    let least_lanes = ops.splat(least);
    let (mut at, end) = (0, to.len());
    while at < end && end >= lanes {
        // The last vector overlaps the one before.
        let start = at.min(end - lanes);
        let row = ops.load(from.get(start..)?.get(..lanes)?);
        ops.store(
            ops.max(row, least_lanes),
            to.get_mut(start..)?.get_mut(..lanes)?,
        );
        at += lanes;
    }
    if end < lanes {
        for (to, from) in to.iter_mut().zip(from) {
            *to = from.max(least);
        }
    }
    Some(())
}

/// Copies every second number, the first to begin with.
#[inline(always)]
fn every_second(from: &[f32], to: &mut [f32]) -> Option<()> {
    let (pairs, rest) = from.as_chunks::<2>();
    let pairs = pairs.get(..to.len().min(pairs.len()))?;
    let (to, last) = to.split_at_mut_checked(pairs.len())?;
    // The last one may have no neighbour.
    last.copy_from_slice(rest.get(..last.len())?);
    for (to, [number, _]) in to.iter_mut().zip(pairs) {
        *to = *number;
    }
    Some(())
}

/// Work on some channels, each for itself.
pub(crate) struct Channelwise<'a> {
    pub(crate) window: &'a Window,
    pub(crate) g: &'a Geometry,
    pub(crate) input: &'a [f32],
    pub(crate) output: &'a mut [f32],
    /// All channels' weights and bias.
    pub(crate) weights: Option<(&'a [f32], &'a [f32])>,
    /// The number of the first channel.
    pub(crate) first: usize,
    pub(crate) planes: &'a mut [f32],
    pub(crate) line: &'a mut [f32],
}

impl SimdOp for Channelwise<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) -> Option<()> {
        let lanes = isa.f32().len();
        let end = self.g.line(self.g.output[0]);
        let (in_size, out_size) = (self.g.input_size(), self.g.output_size());
        let channels = self.input.len() / in_size;
        for channel in 0..channels {
            let input = self.input.get(channel * in_size..)?.get(..in_size)?;
            self.window.fill(isa, self.g, input, self.planes)?;
            let channel_weights = match self.weights {
                Some((weights, bias)) => {
                    let elements = self.g.offsets.len();
                    let number = self.first + channel;
                    let weights = weights.get(number * elements..)?.get(..elements)?;
                    Some((weights, *bias.get(number)?))
                }
                None => None,
            };
            // As many vectors at a time as hide what an addition takes.
            let mut at = 0;
            while at + lanes * 8 <= end {
                at = self.vectors::<I, 8>(isa, at, channel_weights)?;
            }
            if at + lanes * 4 <= end {
                at = self.vectors::<I, 4>(isa, at, channel_weights)?;
            }
            if at + lanes * 2 <= end {
                at = self.vectors::<I, 2>(isa, at, channel_weights)?;
            }
            while at < end {
                at = self.vectors::<I, 1>(isa, at, channel_weights)?;
            }
            let output = self.output.get_mut(channel * out_size..)?;
            self.window
                .crop(isa, self.g, self.line, output.get_mut(..out_size)?)?;
        }
        Some(())
    }
}

impl Channelwise<'_> {
    /// `N` vectors of the line from `at` on; returns where they end.
    #[inline(always)]
    fn vectors<I: Isa, const N: usize>(
        &mut self,
        isa: I,
        at: usize,
        weights: Option<(&[f32], f32)>,
    ) -> Option<usize> {
        let ops = isa.f32();
        let length = ops.len() * N;
        let planes = self.planes.get(at..)?;
        let mut results;
        if let Some((weights, bias)) = weights {
            results = [ops.splat(bias); N];
            for (&offset, &weight) in self.g.offsets.iter().zip(weights) {
                let inputs = ops.load_many::<N>(planes.get(offset..)?.get(..length)?);
                let weight = ops.splat(weight);
                for (sum, input) in results.iter_mut().zip(inputs) {
                    *sum = ops.mul_add(input, weight, *sum);
                }
            }
        } else {
            results = [ops.splat(f32::NEG_INFINITY); N];
            for &offset in &self.g.offsets {
                let inputs = ops.load_many::<N>(planes.get(offset..)?.get(..length)?);
                for (most, input) in results.iter_mut().zip(inputs) {
                    *most = ops.max(*most, input);
                }
            }
        }
        let line = self.line.get_mut(at..)?.get_mut(..length)?;
        for (result, to) in results.iter().zip(line.chunks_exact_mut(ops.len())) {
            ops.store(*result, to);
        }
        Some(at + length)
    }
}

/// The copying of a channel into its planes.
pub(crate) struct Fill<'a> {
    pub(crate) window: &'a Window,
    pub(crate) g: &'a Geometry,
    pub(crate) input: &'a [f32],
    pub(crate) planes: &'a mut [f32],
}

impl SimdOp for Fill<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) -> Option<()> {
        self.window.fill(isa, self.g, self.input, self.planes)
    }
}

/// A strip of rows in a block of output channels, from all input channels.
pub(crate) struct Dense<'a> {
    pub(crate) window: &'a Window,
    pub(crate) g: &'a Geometry,
    /// The planes of all input channels, and the offsets in them.
    pub(crate) planes: &'a [f32],
    pub(crate) offsets: &'a [usize],
    /// This block's.
    pub(crate) weights: &'a [f32],
    pub(crate) bias: &'a [f32; BLOCK],
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    /// The strip in each channel; less than [`BLOCK`] in the last block.
    pub(crate) output: Vec<&'a mut [f32]>,
    /// A line for each channel, and how long one is.
    pub(crate) lines: Vec<f32>,
    pub(crate) line: usize,
}

impl SimdOp for Dense<'_> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) -> Self::Output {
        let lanes = isa.f32().len();
        let mut at = 0;
        while at < self.g.line(self.rows) {
            if lanes == MAX_LANES || cfg!(target_arch = "aarch64") {
                self.block::<I, BLOCK>(isa, at, 0)?;
            } else {
                // Half as many registers.
                self.block::<I, { BLOCK / 2 }>(isa, at, 0)?;
                self.block::<I, { BLOCK / 2 }>(isa, at, BLOCK / 2)?;
            }
            at += lanes * VECTORS;
        }
        let lines = self.lines.chunks_exact(self.line);
        for (output, line) in self.output.iter_mut().zip(lines) {
            self.window.crop(isa, self.g, line, output)?;
        }
        Some(self.lines)
    }
}

impl Dense<'_> {
    /// [`VECTORS`] vectors from `at` on of the `C` channels from `first` on.
    #[inline(always)]
    fn block<I: Isa, const C: usize>(&mut self, isa: I, at: usize, first: usize) -> Option<()> {
        let ops = isa.f32();
        let length = ops.len() * VECTORS;
        let start = self.first_row * self.g.plane[1] + at;
        let planes = self.planes.get(start..)?;
        let bias = self.bias.get(first..)?.first_chunk::<C>()?;
        let mut sums = bias.map(|bias| [ops.splat(bias); VECTORS]);
        let weights = self.weights.as_chunks::<BLOCK>().0;
        for (&offset, weights) in self.offsets.iter().zip(weights) {
            let inputs = ops.load_many::<VECTORS>(planes.get(offset..)?.get(..length)?);
            let weights = weights.get(first..)?.first_chunk::<C>()?;
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                let weight = ops.splat(weight);
                for (sum, input) in sums.iter_mut().zip(inputs) {
                    *sum = ops.mul_add(input, weight, *sum);
                }
            }
        }
        let lines = self.lines.chunks_exact_mut(self.line).skip(first);
        for (sums, line) in sums.iter().zip(lines) {
            let line = line.get_mut(at..)?.get_mut(..length)?;
            for (sum, to) in sums.iter().zip(line.chunks_exact_mut(ops.len())) {
                ops.store(*sum, to);
            }
        }
        Some(())
    }
}
