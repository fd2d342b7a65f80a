//! Lines and zones as the user writes them: `door:100,200,300,200; gate:…`.
//!
//! ```text
//! text ──▶ named numbers, with the column of each ──▶ checked shapes ──▶ pixels
//! ```

use millstream_sdk::Failure;
use millstream_sdk::analytics::{MAX_COORDINATE, MAX_CORNERS, MAX_NAME, MAX_SHAPES};

/// What numbers in `lines` and `zones` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Pixels of the frame.
    Pixels,
    /// Shares of the frame's width and height, 0 to 1.
    Relative,
}

/// Which of the two properties is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two points each.
    Lines,
    /// Three points or more each.
    Zones,
}

/// A name and its points, in the user's units.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Not empty.
    pub name: String,
    /// Finite.
    pub points: Vec<[f64; 2]>,
}

impl Kind {
    const fn property(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Zones => "zones",
        }
    }

    const fn example(self, scale: Scale) -> &'static str {
        match (self, scale) {
            (Self::Lines, Scale::Pixels) => r#"lines="door:100,200,300,200; gate:320,0,320,480""#,
            (Self::Lines, Scale::Relative) => r#"lines="door:0.2,0.5,0.8,0.5; gate:0.5,0,0.5,1""#,
            (Self::Zones, Scale::Pixels) => r#"zones="till:10,10,100,10,100,100,10,100""#,
            (Self::Zones, Scale::Relative) => r#"zones="till:0.1,0.1,0.5,0.1,0.5,0.9""#,
        }
    }
}

/// A piece of the text and where it begins, counted in characters from 1.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    column: usize,
}

impl Piece<'_> {
    /// The pieces between separators, without spaces around them.
    fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut column = self.column;
        self.text.split(separator).map(move |text| {
            let piece = Self { text, column };
            column += text.chars().count() + 1;
            piece.trimmed()
        })
    }

    fn trimmed(self) -> Self {
        let before = self.text.trim_start();
        let spaces = self.text.chars().count() - before.chars().count();
        Self {
            text: before.trim_end(),
            column: self.column + spaces,
        }
    }

    fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (name, rest) = self.text.split_once(separator)?;
        let column = self.column + name.chars().count() + 1;
        let name = Self { text: name, ..self };
        Some((name.trimmed(), Self { text: rest, column }))
    }
}

/// Reads the text of a property; an empty one has no shapes.
///
/// # Errors
/// At the first piece that cannot be: its column, what it is, and how it is written.
pub fn read(text: &str, kind: Kind, scale: Scale) -> Result<Vec<Shape>, Failure> {
    let mut shapes: Vec<Shape> = Vec::new();
    let whole = Piece { text, column: 1 };
    for piece in whole.split(';').filter(|piece| !piece.text.is_empty()) {
        let wrong = |column, message: String| failure(kind, scale, column, &message);
        if shapes.len() == MAX_SHAPES {
            let message = format!("more than {MAX_SHAPES} {}", kind.property());
            return Err(wrong(piece.column, message));
        }
        let Some((name, rest)) = piece.split_once(':') else {
            let message = format!("got `{}`, expected a name and `:`", short(piece.text));
            return Err(wrong(piece.column, message));
        };
        if name.text.is_empty() || name.text.len() > MAX_NAME {
            let message = format!(
                "got a name of {} bytes, expected 1 to {MAX_NAME}",
                name.text.len()
            );
            return Err(wrong(name.column, message));
        }
        if shapes.iter().any(|shape| shape.name == name.text) {
            let message = format!("the name `{}` is there twice", name.text);
            return Err(wrong(name.column, message));
        }
        let points = points(rest, scale).map_err(|(column, message)| wrong(column, message))?;
        if let Err(message) = check(&points, kind) {
            return Err(wrong(name.column, format!("`{}` {message}", name.text)));
        }
        let name = name.text.to_owned();
        shapes.push(Shape { name, points });
    }
    Ok(shapes)
}

/// Where a text is wrong, and why.
type Wrong = (usize, String);

fn points(rest: Piece<'_>, scale: Scale) -> Result<Vec<[f64; 2]>, Wrong> {
    let mut points = Vec::new();
    let mut first: Option<f64> = None;
    for piece in rest.split(',') {
        if points.len() > MAX_CORNERS {
            return Err((piece.column, format!("more than {MAX_CORNERS} points")));
        }
        let number = number(piece, scale)?;
        match first.take() {
            Some(x) => points.push([x, number]),
            None => first = Some(number),
        }
    }
    match first {
        Some(x) => Err((rest.column, format!("the last point has x {x} and no y"))),
        None => Ok(points),
    }
}

fn number(piece: Piece<'_>, scale: Scale) -> Result<f64, Wrong> {
    let (least, most, what) = match scale {
        Scale::Pixels => (-MAX_COORDINATE, MAX_COORDINATE, "a number of pixels"),
        Scale::Relative => (0.0, 1.0, "a share of the frame"),
    };
    let number = piece.text.parse().ok();
    number
        .filter(|number| (f64::from(least)..=f64::from(most)).contains(number))
        .ok_or_else(|| {
            let got = short(piece.text);
            let message = format!("got `{got}`, expected {what} from {least} to {most}");
            (piece.column, message)
        })
}

/// What of it fits into a message.
fn short(text: &str) -> String {
    text.chars().take(32).collect()
}

fn check(points: &[[f64; 2]], kind: Kind) -> Result<(), String> {
    let count = points.len();
    match (kind, points) {
        (Kind::Lines, [from, to]) if !are_apart(from, to) => {
            Err("begins and ends at one point".to_owned())
        }
        (Kind::Lines, [_, _]) => Ok(()),
        (Kind::Lines, _) => Err(format!("has {count} points, expected 2")),
        (Kind::Zones, _) if !(3..=MAX_CORNERS).contains(&count) => {
            Err(format!("has {count} points, expected 3 to {MAX_CORNERS}"))
        }
        (Kind::Zones, _) if is_flat(points) => Err("has all corners on one line".to_owned()),
        (Kind::Zones, _) => Ok(()),
    }
}

/// Whether no three points span an area.
fn is_flat(points: &[[f64; 2]]) -> bool {
    let Some(from) = points.first() else {
        return true;
    };
    let Some(to) = points.iter().find(|point| are_apart(from, point)) else {
        return true;
    };
    let turn =
        |p: &[f64; 2]| (to[0] - from[0]) * (p[1] - from[1]) - (to[1] - from[1]) * (p[0] - from[0]);
    points.iter().all(|point| turn(point) == 0.0)
}

fn are_apart(a: &[f64; 2], b: &[f64; 2]) -> bool {
    (a[0] - b[0]).abs() + (a[1] - b[1]).abs() > 0.0
}

fn failure(kind: Kind, scale: Scale, column: usize, message: &str) -> Failure {
    let (property, example) = (kind.property(), kind.example(scale));
    Failure::settings(format!("property `{property}`, column {column}: {message}")).hint(example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let read = |text| read(text, Kind::Lines, Scale::Pixels).unwrap();
        let shape = |name: &str, points: &[[f64; 2]]| Shape {
            name: name.to_owned(),
            points: points.to_vec(),
        };
        let door = shape("door", &[[100.0, 200.0], [300.0, 200.5]]);
        assert_eq!(read("door:100,200,300,200.5")[0], door);
        let gate = shape("the gate", &[[-1.0, 0.0], [0.0, 1e3]]);
        let both = read(" door : 100 ,200, 300,200.5 ;the gate:-1,0,0,1e3; ");
        assert_eq!(both, [door, gate]);
        assert_eq!(read(""), []);
        assert_eq!(read(" ; "), []);
    }

    fn check(text: &str, kind: Kind, scale: Scale, expected: &str) {
        let failure = read(text, kind, scale).unwrap_err();
        let message = &failure.message;
        assert!(message.contains(expected), "{text}: {message}");
        let hint = failure.hint.unwrap();
        let example = hint.split('"').nth(1).unwrap();
        assert!(read(example, kind, scale).is_ok(), "{hint}");
    }

    #[test]
    fn errors_of_lines_say_where_and_how_to_write_them() {
        let check = |text: &str, expected| check(text, Kind::Lines, Scale::Pixels, expected);
        check("door", "column 1: got `door`, expected a name and `:`");
        check("a:1,2,3,4; :1,2,3,4", "column 12: got a name of 0 bytes");
        check(
            "a:1,2,3,4; a:1,2,3,5",
            "column 12: the name `a` is there twice",
        );
        check(
            "\u{e4}:1,2,x,4",
            "column 7: got `x`, expected a number of pixels",
        );
        check("a:1,2,3", "column 3: the last point has x 3 and no y");
        check("a:1,2,3,", "column 9: got ``");
        check("a:1,2", "`a` has 1 points, expected 2");
        check("a:1,2,3,4,5,6", "`a` has 3 points, expected 2");
        check("a:1,2,1,2", "begins and ends at one point");
        check("a:1,2,1,NaN", "column 9: got `NaN`");
        check("a:1,2,1,inf", "column 9: got `inf`");
        check("a:1,2,1,1e7", "from -1000000 to 1000000");
        let long = format!("{}:0,0,1,1", "x".repeat(65));
        check(&long, "65 bytes, expected 1 to 64");
        let many: Vec<String> = (0..65).map(|n| format!("n{n}:0,0,1,1")).collect();
        check(&many.join(";"), "more than 64 lines");
    }

    #[test]
    fn errors_of_zones_and_of_shares_too() {
        let pixels = |text: &str, expected| check(text, Kind::Zones, Scale::Pixels, expected);
        pixels("z:0,0,1,1", "`z` has 2 points, expected 3 to 128");
        pixels("z:0,0,1,1,2,2", "all corners on one line");
        pixels("z:1,1,1,1,1,1", "all corners on one line");
        let many = format!("z:{}1,1", "0,0,".repeat(500));
        pixels(&many, "more than 128 points");
        let shares = |text: &str, kind, expected| check(text, kind, Scale::Relative, expected);
        shares(
            "a:0,0,1,1.5",
            Kind::Lines,
            "a share of the frame from 0 to 1",
        );
        shares("a:0,0,-1,1", Kind::Zones, "column 7: got `-1`");
    }
}
