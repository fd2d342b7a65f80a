//! [`Analytics`]: lines and zones, what was counted at them, and who is inside.
//!
//! A counting element attaches it to each frame as the custom meta [`META`]; what
//! draws or stores it reads it from there. Needs the feature `analytics`.
//!
//! ```text
//! objectanalytics ──▶ buffer + meta `analytics` (UTF-8 JSON) ──▶ detectionoverlay
//! ```
//!
//! ```json
//! {"width":640,"height":480,
//!  "lines":[{"name":"door","from":[100.0,200.0],"to":[300.0,200.0],"entered":3,"left":1}],
//!  "zones":[{"name":"till","polygon":[[10.0,10.0],[100.0,10.0],[100.0,100.0]],
//!            "count":1,"entered":4,"left":3}],
//!  "objects":[{"track":7,"zone":0,"dwell-nanos":1500000000}]}
//! ```
//!
//! ```
//! use millstream_sdk::analytics::{Analytics, Line};
//! use millstream_sdk::prelude::*;
//!
//! # fn main() -> Result<(), Failure> {
//! let mut counted = Analytics::new(640, 480);
//! counted.lines.push(Line::new("door", [100.0, 200.0], [300.0, 200.0]));
//! let mut buffer = Buffer::from_bytes(&[]);
//! counted.attach(&mut buffer)?;
//! assert_eq!(Analytics::of(&buffer), Some(Ok(counted)));
//! # Ok(())
//! # }
//! ```
//!
//! What is read is checked against the limits below, since any element upstream
//! can have written it. Fields that are not known are passed over.

use serde::{Deserialize, Serialize};

use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::video::MAX_DIMENSION;

/// The name of the meta.
pub const META: &str = "analytics";
/// The longest text, in bytes: what the contract allows a meta.
pub const MAX_BYTES: usize = 1 << 20;
/// Most lines and most zones: beyond that a picture shows nothing but them.
pub const MAX_SHAPES: usize = 64;
/// Most corners of a zone.
pub const MAX_CORNERS: usize = 128;
/// Most objects: as many as the contract allows detections.
pub const MAX_OBJECTS: usize = 4096;
/// The longest name, in bytes.
pub const MAX_NAME: usize = 64;
/// How far a coordinate may lie from the frame's corner, in pixels: far outside
/// of any frame, near enough for arithmetic.
pub const MAX_COORDINATE: f32 = 1.0e6;

/// What was counted up to and with a frame.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Analytics {
    /// Width of the frame to which the coordinates belong, in pixels. After a
    /// `videoscale` it is not that of the frame that carries the meta.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Lines that are watched; at most 64.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Areas that are watched; at most 64.
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// Objects that are inside of a zone now, once for each zone; at most 4,096.
    #[serde(default)]
    pub objects: Vec<Dwell>,
}

/// A line and how often it was crossed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// At most 64 bytes; no other line's.
    pub name: String,
    /// Where it begins, x and y in pixels.
    pub from: [f32; 2],
    /// Where it ends.
    pub to: [f32; 2],
    /// Crossings to the left of who walks from `from` to `to`: direction `in`.
    pub entered: u64,
    /// Crossings to the right: direction `out`.
    pub left: u64,
}

/// An area, and how many objects are in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Zone {
    /// At most 64 bytes; no other zone's.
    pub name: String,
    /// Corners, x and y in pixels, 3 to 128; the last is joined to the first.
    /// Where it cuts itself, the even-odd rule says what is inside.
    pub polygon: Vec<[f32; 2]>,
    /// Objects inside now.
    pub count: u32,
    /// Objects that have entered since the start.
    pub entered: u64,
    /// Objects that have left since the start.
    pub left: u64,
}

/// How long an object has been in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dwell {
    /// The object's track id.
    pub track: u64,
    /// Index of the zone in [`Analytics::zones`].
    pub zone: u32,
    /// Time since it entered, in nanoseconds.
    pub dwell_nanos: u64,
}

impl Line {
    /// A line that nothing has crossed yet.
    pub fn new(name: impl Into<String>, from: [f32; 2], to: [f32; 2]) -> Self {
        Self {
            name: name.into(),
            from,
            to,
            ..Self::default()
        }
    }
}

impl Zone {
    /// A zone in which nothing has been yet.
    pub fn new(name: impl Into<String>, polygon: Vec<[f32; 2]>) -> Self {
        Self {
            name: name.into(),
            polygon,
            ..Self::default()
        }
    }
}

impl Analytics {
    /// Of a frame of this size in pixels, with neither lines nor zones.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            ..Self::default()
        }
    }

    /// What a buffer carries; none if it carries nothing.
    ///
    /// # Errors
    /// If the meta cannot be read, see [`Analytics::read`].
    pub fn of(buffer: &Buffer) -> Option<Result<Self, Failure>> {
        buffer.meta(META).map(|text| Self::read(&text))
    }

    /// From a meta's bytes.
    ///
    /// # Errors
    /// If they are no JSON of this form, or beyond the limits of this module.
    pub fn read(text: &[u8]) -> Result<Self, Failure> {
        if text.len() > MAX_BYTES {
            return Err(over("bytes", text.len(), MAX_BYTES));
        }
        let read: Self = serde_json::from_slice(text)
            .map_err(|error| broken(format!("meta `{META}` cannot be read: {error}")))?;
        read.check()?;
        Ok(read)
    }

    /// Attaches it to a buffer in place of what was there.
    ///
    /// # Errors
    /// If it is beyond the limits of this module: then the buffer stays as it was.
    pub fn attach(&self, buffer: &mut Buffer) -> Result<(), Failure> {
        self.check()?;
        let text = serde_json::to_vec(self)
            .map_err(|error| broken(format!("meta `{META}` cannot be written: {error}")))?;
        if text.len() > MAX_BYTES {
            return Err(over("bytes", text.len(), MAX_BYTES));
        }
        buffer.set_meta(META, Some(&text));
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        for (what, size) in [("width", self.width), ("height", self.height)] {
            if !(1..=MAX_DIMENSION).contains(&(size as usize)) {
                let expected = format!("expected 1 to {MAX_DIMENSION}");
                return Err(broken(format!(
                    "meta `{META}` has `{what}` {size}, {expected}"
                )));
            }
        }
        limit("lines", self.lines.len(), MAX_SHAPES)?;
        limit("zones", self.zones.len(), MAX_SHAPES)?;
        limit("objects", self.objects.len(), MAX_OBJECTS)?;
        for line in &self.lines {
            check_shape(&line.name, &[line.from, line.to])?;
        }
        for zone in &self.zones {
            check_shape(&zone.name, &zone.polygon)?;
            if !(3..=MAX_CORNERS).contains(&zone.polygon.len()) {
                return Err(broken(format!(
                    "meta `{META}`: zone `{}` has {} corners, expected 3 to {MAX_CORNERS}",
                    zone.name,
                    zone.polygon.len()
                )));
            }
        }
        let zones = self.zones.len();
        match self
            .objects
            .iter()
            .find(|object| object.zone as usize >= zones)
        {
            Some(object) => Err(broken(format!(
                "meta `{META}`: object {} is in zone {}, expected one of {zones}",
                object.track, object.zone
            ))),
            None => Ok(()),
        }
    }
}

fn check_shape(name: &str, points: &[[f32; 2]]) -> Result<(), Failure> {
    limit("bytes in a name", name.len(), MAX_NAME)?;
    // Not `>`: a NaN must not pass.
    let near = |coordinate: &f32| coordinate.abs() <= MAX_COORDINATE;
    match points.iter().flatten().find(|c| !near(c)) {
        Some(coordinate) => Err(broken(format!(
            "meta `{META}`: `{name}` has a coordinate {coordinate}, \
             expected -{MAX_COORDINATE} to {MAX_COORDINATE}"
        ))),
        None => Ok(()),
    }
}

fn limit(what: &str, got: usize, most: usize) -> Result<(), Failure> {
    if got > most {
        return Err(over(what, got, most));
    }
    Ok(())
}

fn over(what: &str, got: usize, most: usize) -> Failure {
    broken(format!(
        "meta `{META}` has {got} {what}, expected at most {most}"
    ))
}

fn broken(message: String) -> Failure {
    Failure::bad_data(message).hint("attach it with `millstream_sdk::analytics`, or remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Analytics {
        let mut all = Analytics::new(640, 480);
        all.lines
            .push(Line::new("door", [100.0, 200.5], [300.0, 200.0]));
        let corners = vec![[10.0, 10.0], [100.0, 10.0], [100.0, 100.0]];
        all.zones.push(Zone::new("till", corners));
        all.objects.push(Dwell {
            track: u64::MAX,
            zone: 0,
            dwell_nanos: 5,
        });
        all
    }

    #[test]
    fn the_text_is_what_other_programs_were_told() {
        let mut buffer = Buffer::from_bytes(&[]);
        full().attach(&mut buffer).unwrap();
        let text = String::from_utf8(buffer.meta(META).unwrap()).unwrap();
        let expected = concat!(
            r#"{"width":640,"height":480,"#,
            r#""lines":[{"name":"door","from":[100.0,200.5],"to":[300.0,200.0],"entered":0,"left":0}],"#,
            r#""zones":[{"name":"till","polygon":[[10.0,10.0],[100.0,10.0],[100.0,100.0]],"#,
            r#""count":0,"entered":0,"left":0}],"#,
            r#""objects":[{"track":18446744073709551615,"zone":0,"dwell-nanos":5}]}"#,
        );
        assert_eq!(text, expected);
        assert_eq!(Analytics::of(&buffer), Some(Ok(full())));
        assert_eq!(Analytics::of(&Buffer::from_bytes(&[])), None);
    }

    #[test]
    fn hostile_metas_are_failures() {
        let many = |n: usize, item: &str| vec![item; n].join(",");
        let line = r#"{"name":"a","from":[0,0],"to":[1,1],"entered":0,"left":0}"#;
        let zone = |corners: &str| {
            format!(
                r#"{{"width":9,"height":9,"zones":[{{"name":"z","polygon":[{corners}],"count":0,"entered":0,"left":0}}]}}"#
            )
        };
        let lines = |lines: &str| format!(r#"{{"width":9,"height":9,"lines":[{lines}]}}"#);
        let check = |text: &str, expected: &str| {
            let failure = Analytics::read(text.as_bytes()).unwrap_err();
            assert!(failure.message.contains(expected), "{}", failure.message);
        };
        check("", "cannot be read");
        check("[[[[[[[[[[", "cannot be read");
        check(r#"{"width":0,"height":9}"#, "`width` 0");
        check(r#"{"width":9,"height":70000}"#, "`height` 70000");
        check(r#"{"width":-9,"height":9}"#, "cannot be read");
        check(&lines(&many(65, line)), "65 lines, expected at most 64");
        check(&lines(&line.replace("[1,1]", "[1,1e39]")), "coordinate inf");
        check(&lines(&line.replace("[1,1]", "[1,-1e7]")), "coordinate -1");
        check(&lines(&line.replace("[1,1]", "[1,null]")), "cannot be read");
        check(
            &lines(&line.replace("\"a\"", &format!("\"{}\"", "x".repeat(65)))),
            "65 bytes in a name",
        );
        check(&zone("[0,0],[1,1]"), "2 corners, expected 3 to 128");
        check(&zone(&many(129, "[0,0]")), "129 corners");
        let dwell = r#"{"track":1,"zone":0,"dwell-nanos":1}"#;
        let objects = |n| format!(r#"{{"width":9,"height":9,"objects":[{}]}}"#, many(n, dwell));
        check(&objects(1), "is in zone 0, expected one of 0");
        check(&objects(4097), "4097 objects");
        check(&" ".repeat(MAX_BYTES + 1), "1048577 bytes");
    }

    #[test]
    fn what_cannot_be_read_is_not_written() {
        for bad in [f32::NAN, f32::INFINITY, 2.0e6] {
            let mut all = full();
            all.lines[0].to[1] = bad;
            let mut buffer = Buffer::from_bytes(&[]);
            assert!(all.attach(&mut buffer).is_err(), "{bad}");
            assert_eq!(buffer.meta(META), None);
        }
    }

    #[test]
    fn the_largest_fits_into_a_meta() {
        let name = |n: usize| format!("{n:064}");
        let far = [-999_999.94_f32, 999_999.94];
        let mut all = Analytics::new(16_384, 16_384);
        for n in 0..MAX_SHAPES {
            all.lines.push(Line::new(name(n), far, far));
            all.zones.push(Zone::new(name(n), vec![far; MAX_CORNERS]));
        }
        all.objects = vec![
            Dwell {
                track: u64::MAX,
                zone: 63,
                dwell_nanos: u64::MAX,
            };
            MAX_OBJECTS
        ];
        let mut buffer = Buffer::from_bytes(&[]);
        all.attach(&mut buffer).unwrap();
        assert_eq!(Analytics::of(&buffer), Some(Ok(all)));
    }
}
