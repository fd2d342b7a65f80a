//! Against the definition, for all that is taken and some that is not.

use proptest::prelude::*;

use super::*;

/// The definition, in `f64`.
fn naive(
    spec: &WindowSpec,
    [outputs, inputs]: [usize; 2],
    groups: usize,
    kernel: Option<(&[f32], &[f32])>,
    [batch, channels, height, width]: [usize; 4],
    input: &[f32],
) -> Option<([usize; 4], Vec<f32>)> {
    let side = |input: usize, pads: usize, axis: usize| {
        let reach = (spec.size[axis] - 1) * spec.dilations[axis] + 1;
        Some((input + pads).checked_sub(reach)? / spec.strides[axis] + 1)
    };
    let [top, left, bottom, right] = spec.pads;
    let out_h = side(height, top + bottom, 0)?;
    let out_w = side(width, left + right, 1)?;
    let mut result = Vec::new();
    for image in 0..batch {
        for output in 0..outputs {
            let first = output / (outputs / groups) * inputs;
            for y in 0..out_h {
                for x in 0..out_w {
                    let mut sum = kernel.map_or(0.0, |(_, bias)| f64::from(bias[output]));
                    let mut most = f32::NEG_INFINITY;
                    for channel in 0..inputs {
                        for k_y in 0..spec.size[0] {
                            for k_x in 0..spec.size[1] {
                                let y = (y * spec.strides[0] + k_y * spec.dilations[0])
                                    .wrapping_sub(top);
                                let x = (x * spec.strides[1] + k_x * spec.dilations[1])
                                    .wrapping_sub(left);
                                if y >= height || x >= width {
                                    continue;
                                }
                                let at = (image * channels + first + channel) * height + y;
                                let value = input[at * width + x];
                                most = most.max(value);
                                if let Some((weights, _)) = kernel {
                                    let at = (output * inputs + channel) * spec.size[0] + k_y;
                                    let weight = weights[at * spec.size[1] + k_x];
                                    sum += f64::from(value) * f64::from(weight);
                                }
                            }
                        }
                    }
                    result.push(if kernel.is_some() { sum as f32 } else { most });
                }
            }
        }
    }
    Some(([batch, outputs, out_h, out_w], result))
}

/// Numbers between -1 and 1 that don't repeat soon.
fn numbers(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Depthwise,
    Dense,
    Max,
}

fn spec() -> impl Strategy<Value = WindowSpec> {
    let pair = |most: usize| [1..=most, 1..=most];
    (
        pair(7),
        pair(4),
        pair(3),
        [0..=20_usize, 0..=20, 0..=20, 0..=20],
    )
        .prop_map(|(size, strides, dilations, pads)| {
            let reach = [0, 1].map(|axis| (size[axis] - 1) * dilations[axis]);
            let pads = [0, 1, 2, 3].map(|edge: usize| pads[edge] % (reach[edge % 2] + 1));
            WindowSpec {
                size,
                strides,
                dilations,
                pads,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn agrees_with_the_definition(
        spec in spec(),
        kind in prop_oneof![Just(Kind::Depthwise), Just(Kind::Dense), Just(Kind::Max)],
        (batch, inputs, outputs) in (1..=2_usize, 1..=9_usize, 1..=19_usize),
        (height, width) in (1..=40_usize, prop_oneof![1..=40_usize, 100..=140_usize]),
        (relu, with_bias) in any::<(bool, bool)>(),
        seed in any::<u32>(),
    ) {
        let (outputs, of_group, groups) = match kind {
            Kind::Depthwise | Kind::Max => (inputs, 1, inputs),
            Kind::Dense => (outputs, inputs, 1),
        };
        let weights = numbers(outputs * of_group * spec.size[0] * spec.size[1], seed ^ 1);
        let bias = if with_bias { numbers(outputs, seed ^ 2) } else { vec![0.0; outputs] };
        let shape = [batch, inputs, height, width];
        let input = numbers(batch * inputs * height * width, seed);
        let channels = [outputs, of_group];
        let window = match kind {
            Kind::Max => Window::max(spec),
            _ => Window::convolution(
                spec,
                channels,
                groups,
                &weights,
                with_bias.then_some(bias.as_slice()),
            ),
        };
        let window = window.unwrap();
        let window = if relu { window.with_relu() } else { window };
        let buffers = Buffers::default();
        // What an operator before may have left there must not show.
        buffers.give(vec![f32::NAN; 100_000]);
        buffers.give(vec![f32::NAN; 1_000]);
        let kernel = (!matches!(kind, Kind::Max)).then_some((&*weights, &*bias));
        let expected = naive(&spec, channels, groups, kernel, shape, &input);
        let got = window.run(shape, &input, &buffers);
        match expected {
            None => prop_assert_eq!(got.unwrap_err(), WindowError::Shape),
            Some((shape, mut expected)) => {
                if relu {
                    expected = expected.iter().map(|number| number.max(0.0)).collect();
                }
                let (got_shape, got) = got.unwrap();
                prop_assert_eq!(got_shape, shape);
                prop_assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    // Nothing but padding has no largest value.
                    let same = got.to_bits() == expected.to_bits();
                    let close = same || (got - expected).abs() < 1e-4;
                    prop_assert!(close, "{} for {}", got, expected);
                }
            }
        }
    }
}

const PLAIN: WindowSpec = WindowSpec {
    size: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
};

#[test]
fn strips_of_large_images_join() {
    let shape = [1, 3, 61, 203];
    let input = numbers(3 * 61 * 203, 7);
    let weights = numbers(10 * 3 * 9, 8);
    let bias = numbers(10, 9);
    let window = Window::convolution(PLAIN, [10, 3], 1, &weights, Some(&bias)).unwrap();
    let (_, got) = window.run(shape, &input, &Buffers::default()).unwrap();
    let (_, expected) = naive(&PLAIN, [10, 3], 1, Some((&weights, &bias)), shape, &input).unwrap();
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-4);
    }
}

#[test]
fn refuses_what_is_beyond_the_limits() {
    let refused = |change: fn(&mut WindowSpec)| {
        let mut spec = PLAIN;
        change(&mut spec);
        let window = Window::max(spec);
        assert_eq!(window.unwrap_err(), WindowError::Unsupported, "{spec:?}");
    };
    refused(|spec| spec.size = [0, 3]);
    refused(|spec| spec.size = [3, 16]);
    refused(|spec| spec.strides = [0, 1]);
    refused(|spec| spec.strides = [1, 9]);
    refused(|spec| spec.dilations = [0, 1]);
    refused(|spec| spec.dilations = [usize::MAX, 1]);
    refused(|spec| spec.pads = [3, 0, 0, 0]);
    refused(|spec| spec.pads = [0, 0, 0, usize::MAX]);
}

#[test]
fn refuses_weights_that_do_not_fit() {
    let refused = |channels, groups, weights: usize, bias: Option<&[f32]>| {
        let window = Window::convolution(PLAIN, channels, groups, &vec![0.0; weights], bias);
        assert_eq!(window.unwrap_err(), WindowError::Unsupported);
    };
    refused([4, 1], 4, 35, None);
    refused([4, 2], 1, 36, None);
    refused([4, 1], 4, 36, Some(&[0.0; 3]));
    // Groups of several channels, and several kernels a channel.
    refused([4, 2], 2, 72, None);
    refused([4, 1], 2, 36, None);
    refused([0, 1], 0, 0, None);
    refused([1, 0], 1, 0, None);
    refused([usize::MAX, usize::MAX], 1, 9, None);
}

#[test]
fn refuses_inputs_that_do_not_fit() {
    let buffers = Buffers::default();
    let weights = [0.0; 36];
    let depthwise = Window::convolution(PLAIN, [4, 1], 4, &weights, None).unwrap();
    let dense = Window::convolution(PLAIN, [2, 2], 1, &weights, None).unwrap();
    let max = Window::max(WindowSpec {
        pads: [0; 4],
        ..PLAIN
    })
    .unwrap();
    for (window, shape, length) in [
        (&depthwise, [1, 3, 5, 5], 75),
        (&depthwise, [1, 4, 5, 5], 99),
        (&depthwise, [0, 4, 5, 5], 0),
        (&depthwise, [1, 4, 0, 5], 0),
        (&depthwise, [usize::MAX, 4, 5, 5], 100),
        (&dense, [1, 4, 5, 5], 100),
        (&dense, [1, 2, usize::MAX, 5], 10),
        (&max, [1, 0, 5, 5], 0),
        (&max, [1, 1, 2, 5], 10),
    ] {
        let got = window.run(shape, &vec![0.0; length], &buffers);
        assert_eq!(got.unwrap_err(), WindowError::Shape, "{shape:?}");
    }
}

#[test]
fn several_threads_give_the_same() {
    let shape = [2, 24, 33, 47];
    let input = numbers(2 * 24 * 33 * 47, 3);
    let dense = numbers(24 * 24 * 9, 4);
    let depthwise = numbers(24 * 9, 5);
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    for window in [
        Window::convolution(PLAIN, [24, 24], 1, &dense, None).unwrap(),
        Window::convolution(PLAIN, [24, 1], 24, &depthwise, None).unwrap(),
        Window::max(PLAIN).unwrap(),
    ] {
        let run = || window.run(shape, &input, &Buffers::default()).unwrap();
        assert_eq!(pool(1).install(run), pool(3).install(run));
    }
}
