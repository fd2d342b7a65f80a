//! From the model's numbers to its best classes.

use millstream_sdk::buffer::Classification;
use millstream_sdk::labels;
use millstream_sdk::prelude::*;

choices! {
    /// What makes confidences of the model's numbers.
    pub enum Activation {
        /// Nothing where they are confidences that sum to 1; else `softmax`, or
        /// `sigmoid` where there is one class only.
        Auto = "auto",
        /// One of the classes is right.
        Softmax = "softmax",
        /// Each class is right or not.
        Sigmoid = "sigmoid",
        /// They are confidences already.
        None = "none",
    }
}

/// Which answers are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// What makes confidences.
    pub activation: Activation,
    /// Most answers.
    pub top_k: usize,
    /// Least confidence.
    pub threshold: f32,
}

/// How far from 1 the sum of confidences may be: half precision has errors of this
/// size where there are a thousand classes.
const SUM_TOLERANCE: f32 = 0.01;

/// The best classes of one run. Keeps its memory from run to run.
#[derive(Debug, Default)]
pub struct Best {
    ranked: Vec<(u32, f32)>,
}

impl Best {
    /// Fills `answers`, best first.
    pub fn run(
        &mut self,
        values: &[f32],
        rules: Rules,
        names: &[String],
        answers: &mut Vec<Classification>,
    ) -> Result<(), Failure> {
        answers.clear();
        let finite = |all: bool, value: &f32| all & value.is_finite();
        if !values.iter().fold(true, finite) {
            let message = "the model's output holds NaN or infinite numbers";
            let hint = "check `scale`, `mean` and `std`, or the model's file";
            return Err(Failure::inference(message).hint(hint));
        }
        self.rank(values, rules.top_k);
        let greatest = self.ranked.first().map_or(0.0, |(_, value)| *value);
        let activation = rules.activation.resolved(values);
        let sum: f32 = match activation {
            Activation::Softmax => values.iter().map(|value| (value - greatest).exp()).sum(),
            _ => 1.0,
        };
        answers.extend(self.ranked.iter().filter_map(|(class, value)| {
            let confidence = match activation {
                Activation::Softmax => (value - greatest).exp() / sum,
                Activation::Sigmoid => 1.0 / (1.0 + (-value).exp()),
                Activation::Auto | Activation::None => *value,
            };
            let confidence = confidence.clamp(0.0, 1.0);
            (confidence >= rules.threshold).then(|| Classification {
                class_id: *class,
                label: labels::label(names, *class),
                confidence,
            })
        }));
        Ok(())
    }

    /// The `count` greatest values in falling order; of equal ones the first.
    fn rank(&mut self, values: &[f32], count: usize) {
        self.ranked.clear();
        let mut least = f32::NEG_INFINITY;
        for (class, value) in (0_u32..).zip(values) {
            if self.ranked.len() >= count {
                if *value <= least {
                    continue;
                }
                self.ranked.pop();
            }
            let place = self.ranked.partition_point(|(_, other)| other >= value);
            self.ranked.insert(place, (class, *value));
            least = self.ranked.last().map_or(least, |(_, value)| *value);
        }
    }
}

impl Activation {
    /// What `Auto` means for these numbers.
    fn resolved(self, values: &[f32]) -> Self {
        if self != Self::Auto {
            return self;
        }
        let positive = values.iter().all(|value| *value >= 0.0);
        let sum: f32 = values.iter().sum();
        if positive && (sum - 1.0).abs() <= SUM_TOLERANCE {
            Self::None
        } else if values.len() == 1 {
            Self::Sigmoid
        } else {
            Self::Softmax
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(values: &[f32], activation: Activation, top_k: usize) -> Vec<(u32, f32)> {
        let rules = Rules {
            activation,
            top_k,
            threshold: 0.0,
        };
        let mut answers = Vec::new();
        Best::default()
            .run(values, rules, &[], &mut answers)
            .unwrap();
        answers
            .iter()
            .map(|answer| (answer.class_id, answer.confidence))
            .collect()
    }

    #[test]
    fn confidences_are_those_of_the_activation() {
        use Activation::{Auto, None, Sigmoid, Softmax};
        let check = |values: &[f32], activation, expected: &[(u32, f32)]| {
            let got = answers(values, activation, 2);
            let near = got
                .iter()
                .zip(expected)
                .all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-4);
            assert!(
                near && got.len() == expected.len(),
                "{values:?} {activation:?}: {got:?}"
            );
        };
        // e² / (e² + e + 1) and e / (e² + e + 1).
        let logits = [1.0, 2.0, 0.0];
        check(&logits, Auto, &[(1, 0.665_24), (0, 0.244_73)]);
        check(&logits, Softmax, &[(1, 0.665_24), (0, 0.244_73)]);
        check(&logits, Sigmoid, &[(1, 0.880_80), (0, 0.731_06)]);
        check(&[0.2, 0.7, 0.1], Auto, &[(1, 0.7), (0, 0.2)]);
        check(&[0.2, 0.7, 0.1], Softmax, &[(1, 0.464_03), (0, 0.281_45)]);
        check(&[0.5, 3.0, -1.0], None, &[(1, 1.0), (0, 0.5)]);
        check(&[0.0], Auto, &[(0, 0.5)]);
        check(&[f32::MAX, f32::MIN], Auto, &[(0, 1.0), (1, 0.0)]);
        check(&[], Auto, &[]);
    }

    #[test]
    fn the_best_are_ranked_and_the_first_of_equals_wins() {
        let values = [1.0, 5.0, 3.0, 5.0, 2.0, 3.0];
        let classes = |count| -> Vec<u32> {
            answers(&values, Activation::None, count)
                .iter()
                .map(|(class, _)| *class)
                .collect()
        };
        assert_eq!(classes(6), [1, 3, 2, 5, 4, 0]);
        assert_eq!(classes(3), [1, 3, 2]);
        assert_eq!(classes(1), [1]);
        assert_eq!(classes(9), [1, 3, 2, 5, 4, 0]);
    }
}
