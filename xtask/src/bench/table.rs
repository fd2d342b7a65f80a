//! Markdown tables, medians and quantiles.

/// Rows below a header, as Markdown.
pub(crate) fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<&str> = cells.collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = line(&mut header.iter().copied());
    let rule = |place: usize| if place == 0 { "---" } else { "---:" };
    out += &line(&mut (0..header.len()).map(rule));
    for row in rows {
        out += &line(&mut row.iter().map(String::as_str));
    }
    out
}

/// The middle value; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The smallest value that `part` of all do not exceed.
pub(crate) fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (part * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(place - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_medians() {
        let rows = [vec!["a".to_owned(), "1".to_owned()]];
        let table = markdown(&["what", "ms"], &rows);
        assert_eq!(table, "| what | ms |\n| --- | ---: |\n| a | 1 |\n");
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_values_that_were_there() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.99), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
