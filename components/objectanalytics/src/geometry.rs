//! Sides of lines, crossings and insides of polygons, without rounding.
//!
//! Coordinates are whole numbers of 64ths of a pixel, so that every question is
//! answered by the sign of a whole number: no point is ever on both sides, or on
//! neither, and all machines count alike.

use serde::{Deserialize, Serialize};

/// Parts of a pixel.
const PARTS: f64 = 64.0;
/// The farthest coordinate in pixels. Products of two differences stay below 2⁵⁷.
const FARTHEST: f64 = 1.0e6;

/// A place in 64ths of a pixel; x grows to the right, y downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Point {
    x: i64,
    y: i64,
}

/// Where a point is, for who walks along a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// To the left hand.
    Left,
    /// To the right hand, or on the line.
    Right,
}

impl Point {
    /// From pixels; none if not finite or farther than 1,000,000 px.
    pub fn from_px(x: f64, y: f64) -> Option<Self> {
        let near = |value: f64| value.abs() <= FARTHEST;
        (near(x) && near(y)).then(|| Self {
            x: (x * PARTS).round() as i64,
            y: (y * PARTS).round() as i64,
        })
    }

    /// Whether it is as near as [`Point::from_px`] makes it: one from elsewhere need
    /// not be.
    pub fn is_near(self) -> bool {
        let near = |value: i64| value.unsigned_abs() <= (FARTHEST * PARTS) as u64;
        near(self.x) && near(self.y)
    }

    /// Twice the area of the triangle from here over `to` to `point`: above 0 if
    /// `point` is to the right hand of who walks from here to `to`.
    fn turn(self, to: Self, point: Self) -> i64 {
        (to.x - self.x) * (point.y - self.y) - (to.y - self.y) * (point.x - self.x)
    }

    /// Pixels to the nearest point of a segment.
    fn distance_px(self, [from, to]: [Self; 2]) -> f64 {
        let [along_x, along_y] = [to.x - from.x, to.y - from.y].map(|v| v as f64);
        let [x, y] = [self.x - from.x, self.y - from.y].map(|v| v as f64);
        let length = along_x * along_x + along_y * along_y;
        let share = if length > 0.0 {
            ((x * along_x + y * along_y) / length).clamp(0.0, 1.0)
        } else {
            0.0
        };
        f64::hypot(x - share * along_x, y - share * along_y) / PARTS
    }
}

/// A line from one point to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    from: Point,
    to: Point,
}

impl Segment {
    /// A line of some length.
    pub fn new(from: Point, to: Point) -> Self {
        Self { from, to }
    }

    /// The side of a point. What is on the line, or on its continuation, is to the
    /// right: so each point has one side, and a walk that touches the line and
    /// turns back changes sides never or twice.
    pub fn side(&self, point: Point) -> Side {
        if self.from.turn(self.to, point) < 0 {
            Side::Left
        } else {
            Side::Right
        }
    }

    /// Whether a move between points on different sides goes through the line, its
    /// end points included, and not around it.
    pub fn is_crossed(&self, before: Point, after: Point) -> bool {
        let signs = [self.from, self.to].map(|end| before.turn(after, end).signum());
        let [from, to] = signs;
        self.side(before) != self.side(after) && from * to <= 0
    }

    /// Pixels to the line or its continuation.
    pub fn distance_px(&self, point: Point) -> f64 {
        let [x, y] = [self.to.x - self.from.x, self.to.y - self.from.y].map(|v| v as f64);
        let area = self.from.turn(self.to, point).unsigned_abs() as f64;
        area / f64::hypot(x, y).max(1.0) / PARTS
    }
}

/// An area with straight edges; where they cut each other, the even-odd rule says
/// what is inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polygon {
    corners: Vec<Point>,
}

impl Polygon {
    /// The last corner is joined to the first.
    pub fn new(corners: Vec<Point>) -> Self {
        Self { corners }
    }

    fn edges(&self) -> impl Iterator<Item = [Point; 2]> {
        let ends = self.corners.iter().cycle().skip(1);
        self.corners.iter().zip(ends).map(|(a, b)| [*a, *b])
    }

    /// Whether a point is inside. Points on left and upper edges are, on right and
    /// lower edges are not: so a point on the common edge of two zones is in one.
    ///
    /// # Source
    /// W. R. Franklin, "PNPOLY", <https://wrfranklin.org/Research/Short_Notes/pnpoly.html>,
    /// with the division multiplied out.
    pub fn contains(&self, point: Point) -> bool {
        let mut inside = false;
        for [a, b] in self.edges() {
            if (a.y > point.y) == (b.y > point.y) {
                continue;
            }
            let (reach, edge) = ((point.x - a.x) * (b.y - a.y), (point.y - a.y) * (b.x - a.x));
            let is_left_of = if b.y > a.y {
                reach < edge
            } else {
                reach > edge
            };
            inside ^= is_left_of;
        }
        inside
    }

    /// Pixels to the nearest edge.
    pub fn distance_px(&self, point: Point) -> f64 {
        let distances = self.edges().map(|edge| point.distance_px(edge));
        distances.fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Point {
        Point::from_px(x, y).unwrap()
    }

    #[test]
    fn sides_and_crossings_of_a_line() {
        // From left to right: up is to the left hand.
        let line = Segment::new(at(10.0, 10.0), at(20.0, 10.0));
        let check = |before: [f64; 2], after: [f64; 2], expected: bool| {
            let [before, after] = [before, after].map(|[x, y]| at(x, y));
            assert_eq!(
                line.is_crossed(before, after),
                expected,
                "{before:?} {after:?}"
            );
            assert_eq!(
                line.is_crossed(after, before),
                expected,
                "{after:?} {before:?}"
            );
        };
        assert_eq!(line.side(at(15.0, 9.0)), Side::Left);
        assert_eq!(line.side(at(15.0, 11.0)), Side::Right);
        assert_eq!(line.side(at(15.0, 10.0)), Side::Right);
        check([15.0, 5.0], [15.0, 15.0], true);
        // End points belong to the line; beyond them is around it.
        check([10.0, 5.0], [10.0, 15.0], true);
        check([5.0, 5.0], [25.0, 15.0], true);
        check([20.0, 5.0], [20.0, 15.0], true);
        check([9.98, 5.0], [9.98, 15.0], false);
        check([5.0, 5.0], [5.0, 15.0], false);
        // On the line is to the right.
        check([15.0, 5.0], [15.0, 10.0], true);
        check([15.0, 10.0], [15.0, 15.0], false);
        check([20.0, 5.0], [20.0, 10.0], true);
        check([20.02, 5.0], [20.02, 10.0], false);
        // Along it, and not at all.
        check([5.0, 10.0], [25.0, 10.0], false);
        check([15.0, 10.0], [15.0, 10.0], false);
        assert!((line.distance_px(at(40.0, 13.0)) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn inside_of_polygons() {
        let polygon =
            |corners: &[[f64; 2]]| Polygon::new(corners.iter().map(|[x, y]| at(*x, *y)).collect());
        let square = polygon(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        for (x, y, expected) in [
            (5.0, 5.0, true),
            (0.0, 0.0, true),
            (0.0, 5.0, true),
            (5.0, 0.0, true),
            (10.0, 5.0, false),
            (5.0, 10.0, false),
            (10.0, 0.0, false),
            (0.0, 10.0, false),
            (-1.0, 5.0, false),
        ] {
            assert_eq!(square.contains(at(x, y)), expected, "{x} {y}");
        }
        // A bow tie, and a square wound twice: even is outside.
        let tie = polygon(&[[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0]]);
        assert!(tie.contains(at(1.0, 5.0)) && tie.contains(at(9.0, 5.0)));
        assert!(!tie.contains(at(5.0, 1.0)) && !tie.contains(at(5.0, 9.0)));
        let corners = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        assert!(!polygon(&[corners, corners].concat()).contains(at(5.0, 5.0)));
        assert!((square.distance_px(at(13.0, 14.0)) - 5.0).abs() < 1e-12);
        assert!((square.distance_px(at(5.0, 8.0)) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn far_and_broken_places_are_none_and_the_farthest_do_not_overflow() {
        for bad in [f64::NAN, f64::INFINITY, 1.1e6, -3e38] {
            assert_eq!(Point::from_px(bad, 0.0), None);
            assert_eq!(Point::from_px(0.0, bad), None);
        }
        let (a, b, c) = (at(-1e6, -1e6), at(1e6, 1e6), at(1e6, -1e6));
        let line = Segment::new(a, b);
        assert!(line.is_crossed(c, at(-1e6, 1e6)));
        assert!(line.distance_px(c).is_finite());
        assert!(Polygon::new(vec![a, c, b]).contains(at(1.0, 0.0)));
    }
}
