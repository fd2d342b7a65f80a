//! Segments, running time, and times as text. All times are nanoseconds.

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Maps the timestamps of one stretch of a stream to running time:
/// `running = pts - start + base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Segment {
    /// First timestamp that is shown.
    pub start: u64,
    /// End of the stretch (not included), if known.
    pub stop: Option<u64>,
    /// Running time at `start`.
    pub base: u64,
}

impl Segment {
    /// When a timestamp is due; none outside of the segment, as in GStreamer,
    /// whose `stop` itself still has a running time.
    pub fn running_time(&self, pts: u64) -> Option<u64> {
        if pts < self.start || self.stop.is_some_and(|stop| pts > stop) {
            return None;
        }
        (pts - self.start).checked_add(self.base)
    }

    /// The part of `[pts, pts + duration)` that lies in the segment, as start and
    /// duration; none if nothing does. An unknown duration stays unknown.
    pub fn clip(&self, pts: u64, duration: Option<u64>) -> Option<(u64, Option<u64>)> {
        if self
            .stop
            .is_some_and(|stop| pts >= stop && pts != self.start)
        {
            return None;
        }
        let start = pts.max(self.start);
        let Some(duration) = duration else {
            return (pts >= self.start).then_some((start, None));
        };
        let end = pts.saturating_add(duration);
        if end < self.start || (end == self.start && duration > 0) {
            return None;
        }
        let end = self.stop.map_or(end, |stop| end.min(stop));
        Some((start, Some(end.saturating_sub(start))))
    }
}

/// Reads a time: `10s`, `100ms`, `1.5s`, `250us`, `40ns`, `2min`, `1h`,
/// `0:00:01.500`, or a plain number of nanoseconds.
pub fn parse_time(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.contains(':') {
        return parse_clock(text);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = match unit.trim() {
        "" | "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return None,
    };
    scaled(&number.replace('_', ""), unit)
}

/// `h:mm:ss.fraction`.
fn parse_clock(text: &str) -> Option<u64> {
    let mut parts = text.split(':').rev();
    let seconds = scaled(parts.next()?, SECOND)?;
    let minutes: u64 = whole(parts.next()?)?;
    let hours: u64 = parts.next().map_or(Some(0), whole)?;
    if parts.next().is_some() || seconds >= 60 * SECOND || minutes >= 60 {
        return None;
    }
    (hours.checked_mul(3_600)?.checked_add(minutes * 60)?)
        .checked_mul(SECOND)?
        .checked_add(seconds)
}

fn whole(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// A decimal number times a unit, exactly; digits below a nanosecond are cut off.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let before = if before.is_empty() { 0 } else { whole(before)? };
    let mut total = before.checked_mul(unit)?;
    let mut place = unit;
    for digit in after.chars() {
        place /= 10;
        total = total.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(total)
}

/// Writes a time as GStreamer does: `0:00:01.500000000`.
pub fn format_time(nanos: u64) -> String {
    let seconds = nanos / SECOND;
    format!(
        "{}:{:02}:{:02}.{:09}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        nanos % SECOND
    )
}

/// Writes a duration for people: `100ms`, `1.5s`, `40ns`.
pub fn format_duration(nanos: u64) -> String {
    let (unit, name) = match nanos {
        0 => return "0s".to_owned(),
        n if n >= SECOND => (SECOND, "s"),
        n if n >= 1_000_000 => (1_000_000, "ms"),
        n if n >= 1_000 => (1_000, "us"),
        _ => (1, "ns"),
    };
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", nanos % unit);
    match fraction.trim_end_matches('0') {
        "" => format!("{}{name}", nanos / unit),
        _ if unit == 1 => format!("{nanos}{name}"),
        rest => format!("{}.{rest}{name}", nanos / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_times() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_time(text), expected, "{text}");
        };
        check("10s", Some(10 * SECOND));
        check("100ms", Some(100_000_000));
        check("1.5s", Some(1_500_000_000));
        check("2min", Some(120 * SECOND));
        check("1h", Some(3_600 * SECOND));
        check("250us", Some(250_000));
        check("1000", Some(1_000));
        check("0:00:01.500", Some(1_500_000_000));
        check("1:02:03", Some(3_723 * SECOND));
        check("01:30", Some(90 * SECOND));
        check("0:61:00", None);
        check("", None);
        check("s", None);
        check("-1s", None);
        check("1.2.3s", None);
        check("10 parsecs", None);
        check("99999999999999999999s", None);
        check("18446744073709551615h", None);
    }

    #[test]
    fn writes_times() {
        assert_eq!(format_time(1_500_000_000), "0:00:01.500000000");
        assert_eq!(format_duration(1_500_000_000), "1.5s");
        assert_eq!(format_duration(100_000_000), "100ms");
        assert_eq!(format_duration(40), "40ns");
        assert_eq!(format_duration(0), "0s");
    }

    #[test]
    fn clips() {
        let segment = Segment {
            start: 100,
            stop: Some(200),
            base: 5,
        };
        assert_eq!(segment.clip(50, Some(100)), Some((100, Some(50))));
        assert_eq!(segment.clip(150, Some(100)), Some((150, Some(50))));
        assert_eq!(segment.clip(0, Some(100)), None);
        assert_eq!(segment.clip(200, Some(10)), None);
        assert_eq!(segment.clip(120, None), Some((120, None)));
        assert_eq!(segment.clip(20, None), None);
    }

    proptest! {
        #[test]
        fn running_time_never_falls(start in 0u64..1000, base in 0u64..1000, a in 0u64..3000, b in 0u64..3000) {
            let segment = Segment { start, stop: None, base };
            let (a, b) = (a.min(b), a.max(b));
            if let (Some(a), Some(b)) = (segment.running_time(a), segment.running_time(b)) {
                prop_assert!(a <= b);
                prop_assert!(a >= base);
            }
        }

        #[test]
        fn durations_read_back(nanos: u64) {
            prop_assert_eq!(parse_time(&format_duration(nanos)), Some(nanos));
            prop_assert_eq!(parse_time(&format_time(nanos)), Some(nanos));
        }

        #[test]
        fn clipping_stays_inside(pts in 0u64..500, duration in 0u64..500) {
            let segment = Segment { start: 100, stop: Some(300), base: 0 };
            if let Some((start, Some(length))) = segment.clip(pts, Some(duration)) {
                prop_assert!(start >= 100 && start + length <= 300.max(start));
            }
        }
    }
}
