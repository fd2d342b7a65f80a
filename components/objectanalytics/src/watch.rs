//! Where one object stands to one line or one zone, and when that has changed for
//! good.
//!
//! ```text
//! line:  side ──▶ [over it? through the line?] ──▶ [far enough, long enough] ──▶ count
//! zone:  inside? ──▶ [long enough; to leave also far enough] ──▶ enter or leave
//! ```

use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Polygon, Segment, Side};

/// Which way a line was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the left hand of who walks from the line's begin to its end.
    In,
    /// To the right hand.
    Out,
}

/// What keeps flicker from counting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// Frames on the other side before it counts; at least 1.
    pub frames: u32,
    /// Pixels beyond a line, or outside of a zone.
    pub margin_px: f64,
}

/// An object and a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLine {
    /// The side that counts.
    settled: Side,
    over: Option<Over>,
}

/// An object that has changed sides and may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Over {
    /// It went through the line, not around it.
    is_through: bool,
    frames: u32,
}

impl AtLine {
    /// Of an object that is seen for the first time.
    pub fn new(line: &Segment, at: Point) -> Self {
        Self {
            settled: line.side(at),
            over: None,
        }
    }

    /// The object moves; says if it has crossed.
    pub fn step(
        &mut self,
        line: &Segment,
        [before, at]: [Point; 2],
        patience: Patience,
    ) -> Option<Way> {
        let side = line.side(at);
        if side == self.settled {
            self.over = None;
            return None;
        }
        let fresh = Over {
            is_through: line.is_crossed(before, at),
            frames: 0,
        };
        let over = self.over.get_or_insert(fresh);
        if line.distance_px(at) < patience.margin_px {
            return None;
        }
        over.frames = over.frames.saturating_add(1);
        if over.frames < patience.frames {
            return None;
        }
        let way = match side {
            Side::Left => Way::In,
            Side::Right => Way::Out,
        };
        let way = over.is_through.then_some(way);
        (self.settled, self.over) = (side, None);
        way
    }
}

/// An object and a zone; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AtZone {
    /// When it entered, if it is inside.
    pub since: Option<u64>,
    /// When it went to the other side of the edge, and for how many frames it is there.
    turned: u64,
    frames: u32,
}

/// What happened at a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Came in.
    Entered,
    /// Went out, after so many nanoseconds.
    Left(u64),
}

impl AtZone {
    /// The object is at a place; says if it has entered or left. It enters when it
    /// first was inside, and leaves when it first was outside.
    pub fn step(
        &mut self,
        zone: &Polygon,
        at: Point,
        now: u64,
        patience: Patience,
    ) -> Option<Passage> {
        let stays = if self.since.is_some() {
            zone.contains(at) || zone.distance_px(at) < patience.margin_px
        } else {
            !zone.contains(at)
        };
        if stays {
            self.frames = 0;
            return None;
        }
        if self.frames == 0 {
            self.turned = now;
        }
        self.frames = self.frames.saturating_add(1);
        if self.frames < patience.frames {
            return None;
        }
        self.frames = 0;
        if let Some(since) = self.since.take() {
            return Some(Passage::Left(self.turned.saturating_sub(since)));
        }
        self.since = Some(self.turned);
        Some(Passage::Entered)
    }
}

#[cfg(test)]
mod tests {
    use super::Passage::{Entered, Left};
    use super::*;

    fn at(x: f64, y: f64) -> Point {
        Point::from_px(x, y).unwrap()
    }

    /// Crossings of a line from (0, 0) to (100, 0), by heights above it at x = 50.
    fn crossings(frames: u32, margin_px: f64, heights: &[f64]) -> String {
        let line = Segment::new(at(0.0, 0.0), at(100.0, 0.0));
        let patience = Patience { frames, margin_px };
        let points: Vec<Point> = heights.iter().map(|height| at(50.0, -height)).collect();
        let mut object = AtLine::new(&line, points[0]);
        let moves = points.windows(2);
        moves
            .map(
                |pair| match object.step(&line, [pair[0], pair[1]], patience) {
                    Some(Way::In) => 'i',
                    Some(Way::Out) => 'o',
                    None => '.',
                },
            )
            .collect()
    }

    #[test]
    fn a_crossing_counts_once_it_is_sure() {
        let check = |frames, margin, heights: &[f64], expected: &str| {
            assert_eq!(crossings(frames, margin, heights), expected, "{heights:?}");
        };
        check(1, 0.0, &[-5.0, 5.0, -5.0, 5.0], "ioi");
        check(1, 0.0, &[-5.0, 0.0, 5.0], ".i");
        check(1, 0.0, &[5.0, 0.0, -5.0], "o.");
        check(2, 0.0, &[-5.0, 5.0, -5.0, 5.0, 6.0, 7.0], "...i.");
        check(3, 0.0, &[-5.0, 5.0, 6.0, 7.0, 8.0], "..i.");
        // Jitter within the margin is nothing, and going on counts once.
        check(
            1,
            3.0,
            &[-5.0, 1.0, -2.0, 2.0, -1.0, 2.0, 3.0, 9.0],
            ".....i.",
        );
        check(1, 3.0, &[-5.0, 1.0, -9.0, 2.9, -9.0], "....");
        check(2, 3.0, &[-5.0, 4.0, 2.0, 4.0], "..i");
    }

    #[test]
    fn around_the_end_does_not_count() {
        let line = Segment::new(at(0.0, 0.0), at(100.0, 0.0));
        let patience = Patience {
            frames: 1,
            margin_px: 0.0,
        };
        let walk = [
            (50.0, 9.0),
            (150.0, 9.0),
            (150.0, -9.0),
            (50.0, -9.0),
            (50.0, 9.0),
        ];
        let walk = walk.map(|(x, y)| at(x, y));
        let mut object = AtLine::new(&line, walk[0]);
        let ways: Vec<_> = walk
            .windows(2)
            .map(|pair| object.step(&line, [pair[0], pair[1]], patience))
            .collect();
        assert_eq!(ways, [None, None, None, Some(Way::Out)]);
    }

    #[test]
    fn a_zone_is_entered_and_left_once_it_is_sure() {
        let square = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
        let zone = Polygon::new(square.map(|(x, y)| at(x, y)).to_vec());
        let check = |frames, margin_px, xs: &[f64], expected: &[(u64, Passage)]| {
            let patience = Patience { frames, margin_px };
            let mut object = AtZone::default();
            let found: Vec<_> = (0..)
                .zip(xs)
                .filter_map(|(now, x)| {
                    let passage = object.step(&zone, at(*x, 5.0), now, patience);
                    Some((now, passage?))
                })
                .collect();
            assert_eq!(found, expected, "{xs:?}");
        };
        check(
            1,
            0.0,
            &[-1.0, 1.0, 2.0, 11.0],
            &[(1, Entered), (3, Left(2))],
        );
        check(
            2,
            0.0,
            &[5.0, 5.0, 11.0, 5.0, 11.0, 11.0],
            &[(1, Entered), (5, Left(4))],
        );
        check(
            1,
            3.0,
            &[5.0, 11.0, 12.0, 13.0],
            &[(0, Entered), (3, Left(3))],
        );
        check(3, 0.0, &[5.0, 5.0, 11.0, 5.0, 5.0], &[]);
    }
}
