//! Did you mean …? Names at a small edit distance.

/// Longest word that is compared, in characters: the work is its square.
const MAX_WORD: usize = 64;

/// The known word that was probably meant: at most a third of its letters differ.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word: Vec<char> = word.to_lowercase().chars().take(MAX_WORD + 1).collect();
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let letters: Vec<char> = name.to_lowercase().chars().take(MAX_WORD).collect();
        let allowed = (word.len().max(letters.len()) / 3).max(1);
        if letters.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let distance = distance(&word, &letters);
        let closer = best.is_none_or(|(least, _)| distance < least);
        if distance <= allowed && distance < letters.len() && closer {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name.to_owned())
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into
/// `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, &x) in a.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut left = row + 1;
        let mut last = None;
        for (column, &y) in b.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replace = at(&above, column) + usize::from(x != y);
            let mut cost = replace.min(left + 1).min(at(&above, column + 1) + 1);
            if previous == Some(y) && last == Some(x) {
                cost = cost.min(at(&before, column.wrapping_sub(1)) + 1);
            }
            line.push(cost);
            left = cost;
            last = Some(y);
        }
        before = std::mem::replace(&mut above, line);
        previous = Some(x);
    }
    above.last().copied().unwrap_or(a.len())
}
