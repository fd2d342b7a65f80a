//! [`Motion`]: where an object is and how fast it goes, by a Kalman filter of
//! constant velocity over centre, aspect and height.
//!
//! # Source
//! State and noise: Wojke, Bewley, Paulus, "Simple Online and Realtime Tracking
//! with a Deep Association Metric" (2017), section 2.1, and the constants of its
//! `kalman_filter.py` (<https://github.com/nwojke/deep_sort>), which `ByteTrack` uses
//! too. All its matrices couple a coordinate with nothing but its own speed, so the
//! filter of eight dimensions is four of two, with the same results.

use serde::{Deserialize, Serialize};

use crate::bounds::Bounds;

/// Standard deviation of a place, as a share of the height.
const PLACE_NOISE: f64 = 1.0 / 20.0;
/// Standard deviation that a speed gains in a frame, as a share of the height.
const SPEED_NOISE: f64 = 1.0 / 160.0;
/// The same for the aspect, which has no unit.
const ASPECT_NOISE: f64 = 1.0e-2;
const ASPECT_SPEED_NOISE: f64 = 1.0e-5;
/// Standard deviation of a measured aspect.
const ASPECT_MEASURED: f64 = 1.0e-1;
/// The least height and aspect that a prediction may reach.
const LEAST: f64 = 1.0e-3;
/// No place is farther away, and no variance larger, even after the longest time
/// out of sight: beyond are only broken numbers.
const FARTHEST: f64 = 1.0e9;
const LARGEST_VARIANCE: f64 = 1.0e18;

/// One coordinate and its speed a frame, with their covariance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Axis {
    place: f64,
    speed: f64,
    /// Variances of place and speed, and what they have in common.
    place_place: f64,
    place_speed: f64,
    speed_speed: f64,
}

impl Axis {
    /// At rest; deviations of place and speed.
    fn new(place: f64, place_noise: f64, speed_noise: f64) -> Self {
        Self {
            place,
            speed: 0.0,
            place_place: place_noise * place_noise,
            place_speed: 0.0,
            speed_speed: speed_noise * speed_noise,
        }
    }

    /// Whether the numbers can be those of an object.
    fn is_sound(&self) -> bool {
        let Self {
            place,
            speed,
            place_place,
            place_speed,
            speed_speed,
        } = *self;
        // Not `>`: a NaN must not pass.
        let near = [place, speed].iter().all(|value| value.abs() <= FARTHEST);
        let variances = [place_place, speed_speed];
        let sure = variances
            .iter()
            .all(|value| (0.0..=LARGEST_VARIANCE).contains(value));
        near && sure && place_speed.abs() <= LARGEST_VARIANCE
    }

    /// Moves on by `step` frames. A step of n is n steps of one: what the speed
    /// gains in one frame moves the place in the frames after it, hence the sums
    /// of n and n² below; between whole numbers they are taken as polynomials.
    fn predict(&mut self, step: f64, place_noise: f64, speed_noise: f64) {
        let (place_gain, speed_gain) = (place_noise * place_noise, speed_noise * speed_noise);
        let later = (step - 1.0).max(0.0);
        let sum = step * later / 2.0;
        let squares = step * later * (2.0 * step - 1.0) / 6.0;
        self.place += self.speed * step;
        self.place_place += step * (2.0 * self.place_speed + step * self.speed_speed)
            + place_gain * step
            + speed_gain * squares;
        self.place_speed += step * self.speed_speed + speed_gain * sum;
        self.speed_speed += speed_gain * step;
    }

    fn update(&mut self, measured: f64, noise: f64) {
        let total = self.place_place + noise * noise;
        let (place_gain, speed_gain) = (self.place_place / total, self.place_speed / total);
        let surprise = measured - self.place;
        self.place += place_gain * surprise;
        self.speed += speed_gain * surprise;
        self.speed_speed -= speed_gain * self.place_speed;
        self.place_speed -= place_gain * self.place_speed;
        self.place_place -= place_gain * self.place_place;
    }
}

/// What is known of an object's place and motion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Motion {
    x: Axis,
    y: Axis,
    /// Width by height.
    aspect: Axis,
    height: Axis,
}

impl Motion {
    /// Of an object that was seen once.
    pub fn new(seen: Bounds) -> Self {
        let [x, y, aspect, height] = measured(seen);
        let (place, speed) = (
            2.0 * PLACE_NOISE * height.max(LEAST),
            10.0 * SPEED_NOISE * height.max(LEAST),
        );
        Self {
            x: Axis::new(x, place, speed),
            y: Axis::new(y, place, speed),
            aspect: Axis::new(aspect, ASPECT_NOISE, ASPECT_SPEED_NOISE),
            height: Axis::new(height, place, speed),
        }
    }

    /// Whether the numbers can be those of an object: those that come from elsewhere
    /// need not be.
    pub fn is_sound(&self) -> bool {
        let Self {
            x,
            y,
            aspect,
            height,
        } = self;
        [x, y, aspect, height].iter().all(|axis| axis.is_sound())
    }

    /// Moves on by `step` frames, any number above 0.
    pub fn predict(&mut self, step: f64) {
        let height = self.height.place.max(LEAST);
        let (place, speed) = (PLACE_NOISE * height, SPEED_NOISE * height);
        self.x.predict(step, place, speed);
        self.y.predict(step, place, speed);
        self.aspect.predict(step, ASPECT_NOISE, ASPECT_SPEED_NOISE);
        self.height.predict(step, place, speed);
    }

    /// Takes a measurement in.
    pub fn update(&mut self, seen: Bounds) {
        let [x, y, aspect, height] = measured(seen);
        let noise = PLACE_NOISE * self.height.place.max(LEAST);
        self.x.update(x, noise);
        self.y.update(y, noise);
        self.aspect.update(aspect, ASPECT_MEASURED);
        self.height.update(height, noise);
    }

    /// Keeps the size as it is: what is not seen must not grow or shrink away.
    pub fn hold_size(&mut self) {
        (self.height.speed, self.aspect.speed) = (0.0, 0.0);
    }

    /// Where the object is.
    pub fn bounds(&self) -> Bounds {
        let height = self.height.place.max(LEAST);
        let width = self.aspect.place.max(LEAST) * height;
        Bounds::around(self.x.place, self.y.place, width, height)
    }

    /// Speed of the centre in pixels a frame.
    pub fn velocity(&self) -> [f64; 2] {
        [self.x.speed, self.y.speed]
    }
}

/// Centre, aspect and height of a box.
fn measured(seen: Bounds) -> [f64; 4] {
    let height = seen.height();
    [
        f64::midpoint(seen.left, seen.right),
        f64::midpoint(seen.top, seen.bottom),
        seen.width() / height.max(LEAST),
        height,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(1.0)
    }

    #[test]
    fn a_step_of_n_is_n_steps_of_one() {
        let mut once = Axis::new(5.0, 2.0, 0.5);
        (once.speed, once.place_speed) = (1.5, 0.3);
        let mut often = once;
        once.predict(7.0, 0.7, 0.2);
        (0..7).for_each(|_| often.predict(1.0, 0.7, 0.2));
        for (a, b) in [
            (once.place, often.place),
            (once.speed, often.speed),
            (once.place_place, often.place_place),
            (once.place_speed, often.place_speed),
            (once.speed_speed, often.speed_speed),
        ] {
            assert!(near(a, b), "{once:?} {often:?}");
        }
    }

    #[test]
    fn covariance_stays_one_for_any_step() {
        for step in [1e-3, 0.3, 0.99, 1.0, 1.01, 2.5, 40.0, 1e4] {
            let mut axis = Axis::new(0.0, 1.0, 0.1);
            for n in 0..50 {
                axis.predict(step, 1.0, 0.1);
                axis.update(f64::from(n % 7), 1.0);
                let det = axis.place_place * axis.speed_speed - axis.place_speed * axis.place_speed;
                assert!(axis.place_place > 0.0 && axis.speed_speed > 0.0 && det > 0.0);
                assert!(axis.place.is_finite() && axis.speed.is_finite());
            }
        }
    }

    /// The filter of eight dimensions that the source has, by matrices, for one
    /// frame: the four of two must agree with it.
    #[test]
    fn agrees_with_the_matrices() {
        // [place, speed] of one axis: F P Fᵀ + Q and K = P Hᵀ / (H P Hᵀ + R).
        let mut axis = Axis::new(10.0, 4.0, 2.0);
        axis.predict(1.0, 1.0, 0.5);
        assert!(near(axis.place_place, 16.0 + 4.0 + 1.0));
        assert!(near(axis.place_speed, 4.0));
        assert!(near(axis.speed_speed, 4.25));
        axis.update(12.0, 2.0);
        assert!(near(axis.place, 10.0 + 2.0 * 21.0 / 25.0));
        assert!(near(axis.speed, 2.0 * 4.0 / 25.0));
        assert!(near(axis.place_place, 21.0 - 21.0 * 21.0 / 25.0));
        assert!(near(axis.place_speed, 4.0 - 21.0 / 25.0 * 4.0));
        assert!(near(axis.speed_speed, 4.25 - 16.0 / 25.0));
    }

    #[test]
    fn learns_a_steady_walk_at_uneven_times() {
        let walker = |time: f64| Bounds::around(100.0 + 6.0 * time, 50.0 - 2.0 * time, 40.0, 80.0);
        let mut motion = Motion::new(walker(0.0));
        let mut time = 0.0;
        for n in 0..40 {
            let step = f64::from(1 + n % 3);
            time += step;
            motion.predict(step);
            motion.update(walker(time));
        }
        let [x, y] = motion.velocity();
        assert!((x - 6.0).abs() < 0.2 && (y + 2.0).abs() < 0.2, "{x} {y}");
        motion.predict(12.5);
        assert!(motion.bounds().iou(walker(time + 12.5)) > 0.9);
    }
}
