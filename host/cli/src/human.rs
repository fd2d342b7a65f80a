//! Numbers and tables for people.

/// `1.24 ms`: three digits and a unit.
pub(crate) fn time(nanos: u64) -> String {
    let nanos = nanos as f64;
    let (value, unit) = match nanos {
        n if n < 1e3 => return format!("{n} ns"),
        n if n < 1e6 => (n / 1e3, "us"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// `3.1 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{} {unit}", digits(bytes as f64 / *size as f64)),
        None => format!("{bytes} B"),
    }
}

/// `1:05`, `2:00:09`: minutes, or hours too.
pub(crate) fn countdown(seconds: f64) -> String {
    let whole = seconds.ceil() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// `12.3`, `1.23`, `123`: a rate with three digits.
pub(crate) fn digits(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// `1 link`, `3 links`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Which side a column's cells stand on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Cells longer than this do not make their column wider: one hostile text would pad every
/// row, and no terminal is as wide.
const MAX_COLUMN: usize = 200;

/// Rows with their columns one below the other, two spaces between.
pub(crate) fn table(rows: &[Vec<String>], align: &[Align]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .filter(|&width| width <= MAX_COLUMN)
            .max()
    };
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            if column > 0 {
                line.push_str("  ");
            }
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
            line += &match align.get(column) {
                Some(Align::Right) => gap + cell,
                _ => cell.clone() + &gap,
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_a_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let long = "x".repeat(70_000);
        let rows = [row(["a", "1"]), row([&long, "2"]), row(["bb", "3"])];
        let expected = format!("a   1\n{long}  2\nbb  3\n");
        assert_eq!(table(&rows, &[Align::Left, Align::Right]), expected);
    }

    #[test]
    fn numbers_read_well() {
        let times = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_240_000, "1.24 ms"),
            (31_000_000_000, "31.0 s"),
        ];
        for (nanos, expected) in times {
            assert_eq!(time(nanos), expected);
        }
        for (size, expected) in [(12, "12 B"), (1 << 20, "1.00 MiB"), (460_800, "450 KiB")] {
            assert_eq!(bytes(size), expected);
        }
        for (seconds, expected) in [(0.2, "0:01"), (65.0, "1:05"), (7209.0, "2:00:09")] {
            assert_eq!(countdown(seconds), expected);
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            vec!["a".to_owned(), "10".to_owned()],
            vec!["bcd".to_owned(), "9".to_owned()],
        ];
        assert_eq!(
            table(&rows, &[Align::Left, Align::Right]),
            "a    10\nbcd   9\n"
        );
    }
}
