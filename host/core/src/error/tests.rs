//! The commonest mistakes with their whole texts, in `cases.txt`: a title, the
//! input behind `> `, the text. `BLESS=1` writes the file anew.

use crate::testing::plan;

const CASES: &str = include_str!("cases.txt");

fn outcome(input: &str) -> String {
    match plan(input) {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.render(),
    }
}

#[test]
fn mistakes_are_explained() {
    let mut blessed = String::new();
    let mut cases = 0;
    for case in CASES
        .split("\n====\n")
        .filter(|case| !case.trim().is_empty())
    {
        let mut lines = case.trim_start_matches('\n').lines();
        let title = lines.next().unwrap_or_default();
        let rest: Vec<&str> = lines.collect();
        let input: Vec<&str> = rest
            .iter()
            .filter_map(|line| line.strip_prefix("> ").or((*line == ">").then_some("")))
            .collect();
        let expected: Vec<&str> = rest
            .iter()
            .copied()
            .filter(|line| !line.starts_with('>'))
            .collect();
        let text = outcome(&input.join("\n"));
        let quoted: String = input
            .iter()
            .map(|line| format!("> {line}").trim_end().to_owned() + "\n")
            .collect();
        blessed.extend([title, "\n", &quoted, &text, "\n====\n"]);
        cases += 1;
        if std::env::var_os("BLESS").is_none() {
            assert_eq!(text, expected.join("\n"), "{title}");
        }
    }
    assert!(cases >= 30);
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/error/cases.txt");
        std::fs::write(path, blessed).unwrap();
    }
}
