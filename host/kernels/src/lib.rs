//! Operators that slide a window over an image and that rten has no fast kernel
//! for: depthwise convolutions, dense ones with kernels larger than one element,
//! and the largest value (`MaxPool`).
//!
//! All work on *planes*: a channel is copied into a buffer that has the padding
//! in it, and with strides of `s` and `t` into `s * t` such planes, one for each
//! phase. The input of a window's element for the output element `i` then lies
//! at `i` plus an offset that is the same for all `i`. So the work on an image
//! becomes work on a line, for all windows, strides and dilations alike, and the
//! inner loops know no borders. What they compute between two rows is dropped
//! when the rows are copied out.
//!
//! Neither a model nor the shape of an input is trusted: the constructors refuse
//! what is beyond the limits, sizes that grow are computed with checks, and
//! nothing is read or written but through checked slices. `rten-simd` picks the
//! widest vectors that the processor has.

mod buffers;
mod simd;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use rten_simd::SimdOp;

pub use buffers::Buffers;
use simd::{Channelwise, Dense, Fill};

/// Largest height and width of a window.
const MAX_SIDE: usize = 15;

/// Largest stride and dilation.
const MAX_STEP: usize = 8;

/// Floats in the widest vector there is.
const MAX_LANES: usize = 16;

/// Output channels that a dense convolution computes together.
const BLOCK: usize = 8;

/// Vectors of output elements that a dense convolution computes together: with
/// [`BLOCK`], as many sums as there are registers for, and some to load into.
const VECTORS: usize = 3;

/// Output elements of a channel that a dense convolution computes before it
/// copies them out: they stay in the first cache.
const STRIP: usize = 768;

/// A window as a model declares it; pairs are down and right.
#[derive(Clone, Copy, Debug)]
pub struct WindowSpec {
    /// Height and width.
    pub size: [usize; 2],
    /// How far the window moves from one output element to the next.
    pub strides: [usize; 2],
    /// Distance between the window's elements.
    pub dilations: [usize; 2],
    /// Top, left, bottom, right; none reaches further than the window does.
    pub pads: [usize; 4],
}

/// Why an operator can't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowError {
    /// Not one of those that are done here.
    Unsupported,
    /// The input does not fit the weights or leaves no output.
    Shape,
    /// There is no memory for the result.
    Memory,
}

/// An operator, ready to run.
#[derive(Debug)]
pub struct Window {
    spec: WindowSpec,
    work: Work,
    /// Negative results become zero.
    relu: bool,
}

#[derive(Debug)]
enum Work {
    /// Each channel with its own kernel; the kernels one after the other.
    Depthwise {
        weights: Vec<f32>,
        bias: Vec<f32>,
    },
    /// All input channels into each output channel. The weights in blocks of
    /// [`BLOCK`] output channels: `[block][input channel][element][channel]`.
    Dense {
        inputs: usize,
        outputs: usize,
        weights: Vec<f32>,
        bias: Vec<f32>,
    },
    Max,
}

/// Where things lie for one shape of input.
struct Geometry {
    /// Height and width of the input, of the output and of a plane.
    input: [usize; 2],
    output: [usize; 2],
    plane: [usize; 2],
    /// Floats in all planes of a channel.
    channel: usize,
    /// For each element of the window, where its input lies in the planes.
    offsets: Vec<usize>,
}

impl Geometry {
    fn input_size(&self) -> usize {
        self.input[0] * self.input[1]
    }

    fn output_size(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Length of `rows` rows of output with what is between them.
    fn line(&self, rows: usize) -> usize {
        rows.saturating_sub(1) * self.plane[1] + self.output[1]
    }
}

impl Window {
    /// A convolution. `channels`: output channels and the input channels of a
    /// group; `weights` in the order of ONNX.
    pub fn convolution(
        spec: WindowSpec,
        channels: [usize; 2],
        groups: usize,
        weights: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<Self, WindowError> {
        check(&spec)?;
        let [outputs, inputs] = channels;
        let patch = inputs.checked_mul(spec.size[0] * spec.size[1]);
        let patch = patch.filter(|&patch| patch > 0 && outputs > 0);
        let patch = patch.ok_or(WindowError::Unsupported)?;
        if outputs.checked_mul(patch) != Some(weights.len())
            || bias.is_some_and(|bias| bias.len() != outputs)
        {
            return Err(WindowError::Unsupported);
        }
        let mut bias = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        let work = if groups == outputs && inputs == 1 {
            let weights = weights.to_vec();
            Work::Depthwise { weights, bias }
        } else if groups == 1 {
            bias.resize(outputs.next_multiple_of(BLOCK), 0.0);
            Work::Dense {
                inputs,
                outputs,
                weights: packed(weights, patch),
                bias,
            }
        } else {
            return Err(WindowError::Unsupported);
        };
        Ok(Self {
            spec,
            work,
            relu: false,
        })
    }

    /// The largest value in the window.
    pub fn max(spec: WindowSpec) -> Result<Self, WindowError> {
        check(&spec)?;
        let work = Work::Max;
        Ok(Self {
            spec,
            work,
            relu: false,
        })
    }

    /// The same with `Relu` done to the result.
    #[must_use]
    pub fn with_relu(self) -> Self {
        Self { relu: true, ..self }
    }

    /// Runs on an input of the shape NCHW; returns the output and its shape.
    pub fn run(
        &self,
        shape: [usize; 4],
        input: &[f32],
        buffers: &Buffers,
    ) -> Result<([usize; 4], Vec<f32>), WindowError> {
        let [batch, inputs, height, width] = shape;
        let outputs = match &self.work {
            Work::Depthwise { bias, .. } if bias.len() == inputs => inputs,
            Work::Dense {
                inputs: n, outputs, ..
            } if *n == inputs => *outputs,
            Work::Max => inputs,
            _ => return Err(WindowError::Shape),
        };
        if product(&shape) != Some(input.len()) || input.is_empty() {
            return Err(WindowError::Shape);
        }
        let g = self.geometry([height, width])?;
        let [out_h, out_w] = g.output;
        let shape = [batch, outputs, out_h, out_w];
        let total = product(&shape).ok_or(WindowError::Shape)?;
        let mut output = buffers.take(total)?;
        let images = input.chunks_exact(inputs * g.input_size());
        for (input, output) in images.zip(output.chunks_exact_mut(outputs * g.output_size())) {
            match &self.work {
                Work::Depthwise { weights, bias } => {
                    self.channelwise(&g, input, output, Some((weights, bias)), buffers)?;
                }
                Work::Max => self.channelwise(&g, input, output, None, buffers)?,
                Work::Dense { weights, bias, .. } => {
                    self.dense(&g, input, output, (weights, bias), buffers)?;
                }
            }
        }
        Ok((shape, output))
    }

    fn geometry(&self, input: [usize; 2]) -> Result<Geometry, WindowError> {
        let WindowSpec {
            size,
            strides,
            dilations,
            pads: [top, left, bottom, right],
        } = self.spec;
        let [(out_h, plane_h), (out_w, plane_w)] = [
            side(input[0], top + bottom, size[0], dilations[0], strides[0])?,
            side(input[1], left + right, size[1], dilations[1], strides[1])?,
        ];
        let channel = product(&[plane_h, plane_w, strides[0], strides[1]]);
        let channel = channel.ok_or(WindowError::Shape)?;
        let mut offsets = Vec::with_capacity(size[0] * size[1]);
        for y in (0..size[0]).map(|y| y * dilations[0]) {
            for x in (0..size[1]).map(|x| x * dilations[1]) {
                let phase = (y % strides[0]) * strides[1] + x % strides[1];
                let row = phase * plane_h + y / strides[0];
                offsets.push(row * plane_w + x / strides[1]);
            }
        }
        Ok(Geometry {
            input,
            output: [out_h, out_w],
            plane: [plane_h, plane_w],
            channel,
            offsets,
        })
    }

    /// Depthwise convolutions, and without weights the largest value.
    fn channelwise(
        &self,
        g: &Geometry,
        input: &[f32],
        output: &mut [f32],
        weights: Option<(&[f32], &[f32])>,
        buffers: &Buffers,
    ) -> Result<(), WindowError> {
        let channels = input.len() / g.input_size();
        let jobs = rayon::current_num_threads() * 4;
        let of_job = channels.div_ceil(jobs).max(1);
        let images = input.par_chunks(g.input_size() * of_job);
        let images = images.zip(output.par_chunks_mut(g.output_size() * of_job));
        images.enumerate().try_for_each(|(job, (input, output))| {
            let mut planes = buffers.take(g.channel + MAX_LANES)?;
            let mut line = buffers.take(g.line(g.output[0]) + MAX_LANES)?;
            let done = Channelwise {
                window: self,
                g,
                input,
                output,
                weights,
                first: job * of_job,
                planes: &mut planes,
                line: &mut line,
            }
            .dispatch();
            buffers.give(planes);
            buffers.give(line);
            done.ok_or(WindowError::Shape)
        })
    }

    fn dense(
        &self,
        g: &Geometry,
        input: &[f32],
        output: &mut [f32],
        (weights, bias): (&[f32], &[f32]),
        buffers: &Buffers,
    ) -> Result<(), WindowError> {
        let channels = input.len() / g.input_size();
        let length = g.channel.checked_mul(channels).ok_or(WindowError::Shape)?;
        let mut planes = buffers.take(length + MAX_LANES * VECTORS)?;
        let filled = planes
            .par_chunks_mut(g.channel)
            .zip(input.par_chunks_exact(g.input_size()))
            .try_for_each(|(planes, input)| {
                let window = self;
                Fill {
                    window,
                    g,
                    input,
                    planes,
                }
                .dispatch()
            });
        filled.ok_or(WindowError::Shape)?;
        let channels = (0..channels).map(|channel| channel * g.channel);
        let offsets = channels.flat_map(|start| g.offsets.iter().map(move |offset| start + offset));
        let offsets: Vec<usize> = offsets.collect();

        // Work for threads: a strip of rows in a block of channels.
        let rows = (STRIP / g.plane[1]).clamp(1, g.output[0]);
        let mut jobs = Vec::new();
        let blocks = output.chunks_mut(g.output_size() * BLOCK);
        let weights = weights.chunks_exact(offsets.len() * BLOCK);
        for ((output, weights), bias) in blocks.zip(weights).zip(bias.as_chunks::<BLOCK>().0) {
            let mut channels: Vec<_> = output
                .chunks_exact_mut(g.output_size())
                .map(|channel| channel.chunks_mut(rows * g.output[1]))
                .collect();
            for first_row in (0..g.output[0]).step_by(rows) {
                jobs.push(Dense {
                    window: self,
                    g,
                    planes: &planes,
                    offsets: &offsets,
                    weights,
                    bias,
                    first_row,
                    rows: rows.min(g.output[0] - first_row),
                    output: channels.iter_mut().filter_map(Iterator::next).collect(),
                    lines: Vec::new(),
                    line: g.line(rows) + MAX_LANES * VECTORS,
                });
            }
        }
        let done = jobs.into_par_iter().try_for_each(|mut job| {
            job.lines = buffers.take(job.line * BLOCK)?;
            let lines = job.dispatch().ok_or(WindowError::Shape)?;
            buffers.give(lines);
            Ok(())
        });
        buffers.give(planes);
        done
    }
}

/// Keeps to the limits under which the sums and products of a spec are small.
fn check(spec: &WindowSpec) -> Result<(), WindowError> {
    let [top, left, bottom, right] = spec.pads;
    let fits = |axis: usize, pads: [usize; 2]| {
        let sides = [spec.size, spec.strides, spec.dilations].map(|pair| pair.get(axis).copied());
        let [Some(size), Some(stride), Some(dilation)] = sides else {
            return false;
        };
        (1..=MAX_SIDE).contains(&size)
            && (1..=MAX_STEP).contains(&stride)
            && (1..=MAX_STEP).contains(&dilation)
            && pads.iter().all(|&pad| pad <= (size - 1) * dilation)
    };
    if fits(0, [top, bottom]) && fits(1, [left, right]) {
        Ok(())
    } else {
        Err(WindowError::Unsupported)
    }
}

/// Height or width of the output and of a plane.
fn side(
    input: usize,
    pads: usize,
    window: usize,
    dilation: usize,
    stride: usize,
) -> Result<(usize, usize), WindowError> {
    let reach = (window - 1) * dilation;
    let room = input
        .checked_add(pads)
        .and_then(|all| all.checked_sub(reach + 1));
    let output = room.ok_or(WindowError::Shape)? / stride + 1;
    Ok((output, output + reach / stride))
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes
        .iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size))
}

/// A dense convolution's weights in blocks; the last one is filled up with zeros.
fn packed(weights: &[f32], patch: usize) -> Vec<f32> {
    let mut packed = Vec::with_capacity((weights.len() / patch).next_multiple_of(BLOCK) * patch);
    for block in weights.chunks(patch * BLOCK) {
        for element in 0..patch {
            let column = block.iter().skip(element).step_by(patch).copied();
            packed.extend(column.chain(std::iter::repeat(0.0)).take(BLOCK));
        }
    }
    packed
}
