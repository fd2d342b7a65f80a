//! [`Matcher`]: of pairs with a gain each, the matching with the largest sum.
//!
//! ```text
//! pairs ──▶ parts that share neither row nor column ──▶ shortest augmenting paths
//! ```
//!
//! Pairs that a gate lets through are few, and fall into small parts; each is
//! solved by itself, so that hundreds of objects cost little more than one crowd.

/// A row and a column that may go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Index of the row.
    pub row: usize,
    /// Index of the column.
    pub column: usize,
    /// What the match is worth: finite, above 0.
    pub gain: f64,
}

/// The most work that a part may take, rows² × columns: a fraction of a second.
/// Beyond it, which takes hundreds of objects in one place, the best pair is taken
/// first (greedy).
const MOST_WORK: usize = 1 << 27;

/// Finds matchings; keeps nothing but memory.
#[derive(Debug, Default)]
pub struct Matcher {
    parents: Vec<usize>,
}

impl Matcher {
    /// The matching with the largest sum of gains, as (row, column), by rows. A row
    /// or column may stay alone. Rows and columns are below `rows` and `columns`;
    /// pairs beyond, and those without gain, are passed over.
    pub fn run(&mut self, rows: usize, columns: usize, pairs: &[Pair]) -> Vec<(usize, usize)> {
        let sound = |pair: &&Pair| {
            pair.row < rows && pair.column < columns && pair.gain.is_finite() && pair.gain > 0.0
        };
        self.parents.clear();
        self.parents.extend(0..rows + columns);
        for pair in pairs.iter().filter(sound) {
            let (a, b) = (self.root(pair.row), self.root(rows + pair.column));
            if let Some(parent) = self.parents.get_mut(a.max(b)) {
                *parent = a.min(b);
            }
        }
        let mut parts: Vec<(usize, Pair)> = Vec::with_capacity(pairs.len());
        for pair in pairs.iter().filter(sound) {
            parts.push((self.root(pair.row), *pair));
        }
        parts.sort_by_key(|(part, pair)| (*part, pair.row, pair.column));
        let mut matches = Vec::new();
        for part in parts.chunk_by(|(a, _), (b, _)| a == b) {
            let part: Vec<Pair> = part.iter().map(|(_, pair)| *pair).collect();
            solve(&part, &mut matches);
        }
        matches.sort_unstable();
        matches
    }

    /// The part to which a row or column belongs, by its smallest member.
    fn root(&mut self, mut member: usize) -> usize {
        loop {
            let parent = self.parents.get(member).copied().unwrap_or(member);
            if parent == member {
                return member;
            }
            // Halves the way for the next who asks.
            let above = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(member) {
                *slot = above;
            }
            member = above;
        }
    }
}

/// One part.
fn solve(part: &[Pair], matches: &mut Vec<(usize, usize)>) {
    if let [pair] = part {
        matches.push((pair.row, pair.column));
        return;
    }
    let sorted = |member: fn(&Pair) -> usize| {
        let mut all: Vec<usize> = part.iter().map(member).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (rows, columns) = (sorted(|pair| pair.row), sorted(|pair| pair.column));
    let (fewer, more) = (rows.len().min(columns.len()), rows.len().max(columns.len()));
    if fewer.saturating_mul(fewer).saturating_mul(more) > MOST_WORK {
        greedy(part, matches);
        return;
    }
    // What is not a pair is worth 0, and no match: all gains are above, so the
    // best full assignment holds the best matching.
    let turned = rows.len() > columns.len();
    let mut costs = vec![0.0; fewer * more];
    for pair in part {
        let place = |all: &[usize], member| all.binary_search(&member).unwrap_or(0);
        let (row, column) = (place(&rows, pair.row), place(&columns, pair.column));
        let index = if turned {
            column * more + row
        } else {
            row * more + column
        };
        if let Some(cost) = costs.get_mut(index) {
            *cost = -pair.gain;
        }
    }
    for (short, long) in assign(&costs, more).into_iter().enumerate() {
        let is_pair = costs
            .get(short * more + long)
            .is_some_and(|cost| *cost < 0.0);
        let (row, column) = if turned { (long, short) } else { (short, long) };
        if let (true, Some(row), Some(column)) = (is_pair, rows.get(row), columns.get(column)) {
            matches.push((*row, *column));
        }
    }
}

/// The pair of the largest gain first.
fn greedy(part: &[Pair], matches: &mut Vec<(usize, usize)>) {
    let mut order: Vec<&Pair> = part.iter().collect();
    order.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let (mut rows, mut columns) = (
        std::collections::BTreeSet::new(),
        std::collections::BTreeSet::new(),
    );
    for pair in order {
        if !rows.contains(&pair.row) && !columns.contains(&pair.column) {
            rows.insert(pair.row);
            columns.insert(pair.column);
            matches.push((pair.row, pair.column));
        }
    }
}

/// A column while paths are sought.
#[derive(Debug, Clone, Copy)]
struct Column {
    potential: f64,
    row: Option<usize>,
    /// Length of the shortest path to it from the row that is being placed.
    reach: f64,
    /// The row before it on that path.
    from: usize,
    done: bool,
}

/// For each row its column, such that the sum of costs is the least. `costs` has
/// `columns` a row, and at least as many columns as rows.
///
/// # Source
/// Jonker, Volgenant, "A shortest augmenting path algorithm for dense and sparse
/// linear assignment problems" (1987), the augmentation step.
fn assign(costs: &[f64], columns: usize) -> Vec<usize> {
    let free = Column {
        potential: 0.0,
        row: None,
        reach: 0.0,
        from: 0,
        done: false,
    };
    let mut columns_of = vec![free; columns];
    let rows: Vec<&[f64]> = costs.chunks_exact(columns.max(1)).collect();
    let mut potentials = vec![0.0; rows.len()];
    for row in 0..rows.len() {
        let Some((end, length)) = shortest_path(row, &rows, &potentials, &mut columns_of) else {
            continue;
        };
        for column in columns_of.iter_mut().filter(|column| column.done) {
            let shift = length - column.reach;
            column.potential -= shift;
            if let Some(potential) = column.row.and_then(|row| potentials.get_mut(row)) {
                *potential += shift;
            }
        }
        if let Some(potential) = potentials.get_mut(row) {
            *potential += length;
        }
        augment(row, end, &mut columns_of);
    }
    let mut matched = vec![0; rows.len()];
    for (index, column) in columns_of.iter().enumerate() {
        if let Some(slot) = column.row.and_then(|row| matched.get_mut(row)) {
            *slot = index;
        }
    }
    matched
}

/// The nearest column that is free, and how far it is from `start`.
fn shortest_path(
    start: usize,
    rows: &[&[f64]],
    potentials: &[f64],
    columns: &mut [Column],
) -> Option<(usize, f64)> {
    for column in &mut *columns {
        (column.reach, column.done) = (f64::INFINITY, false);
    }
    let (mut row, mut length) = (start, 0.0);
    loop {
        let potential = potentials.get(row)?;
        let mut nearest: Option<(usize, f64)> = None;
        for ((index, column), cost) in columns.iter_mut().enumerate().zip(*rows.get(row)?) {
            if column.done {
                continue;
            }
            let reach = length + cost - potential - column.potential;
            if reach < column.reach {
                (column.reach, column.from) = (reach, row);
            }
            if nearest.is_none_or(|(_, least)| column.reach < least) {
                nearest = Some((index, column.reach));
            }
        }
        let (index, reach) = nearest?;
        let column = columns.get_mut(index)?;
        (column.done, length) = (true, reach);
        match column.row {
            Some(next) => row = next,
            None => return Some((index, length)),
        }
    }
}

/// Gives each row of the path the column after it.
fn augment(start: usize, end: usize, columns: &mut [Column]) {
    let mut index = end;
    loop {
        let Some(from) = columns.get(index).map(|column| column.from) else {
            return;
        };
        let before = columns.iter().position(|column| column.row == Some(from));
        if let Some(column) = columns.get_mut(index) {
            column.row = Some(from);
        }
        match before {
            Some(before) if from != start => index = before,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    /// The largest sum by trying everything.
    fn exhaustive(rows: usize, pairs: &[Pair], row: usize, taken: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut most = exhaustive(rows, pairs, row + 1, taken);
        for pair in pairs.iter().filter(|pair| pair.row == row) {
            if taken & (1 << pair.column) == 0 {
                let rest = exhaustive(rows, pairs, row + 1, taken | 1 << pair.column);
                most = most.max(pair.gain + rest);
            }
        }
        most
    }

    #[test]
    fn as_good_as_trying_everything() {
        let mut random = Random(9);
        for round in 0..2000 {
            let (rows, columns) = (1 + random.below(6) as usize, 1 + random.below(7) as usize);
            let mut pairs = Vec::new();
            for row in 0..rows {
                for column in 0..columns {
                    if random.below(3) > 0 {
                        let gain = (1 + random.below(9)) as f64 / 8.0;
                        pairs.push(Pair { row, column, gain });
                    }
                }
            }
            let matches = Matcher::default().run(rows, columns, &pairs);
            let sum: f64 = matches
                .iter()
                .map(|(row, column)| {
                    let pair = pairs.iter().find(|p| (p.row, p.column) == (*row, *column));
                    pair.expect("only pairs are matched").gain
                })
                .sum();
            let mut used: Vec<_> = matches.iter().map(|m| m.1).collect();
            used.sort_unstable();
            used.dedup();
            assert_eq!(used.len(), matches.len(), "round {round}");
            assert!(matches.is_sorted_by(|a, b| a.0 < b.0), "round {round}");
            let most = exhaustive(rows, &pairs, 0, 0);
            assert!((sum - most).abs() < 1e-9, "round {round}: {sum} {most}");
        }
    }

    #[test]
    fn broken_pairs_are_passed_over() {
        let pair = |row, column, gain| Pair { row, column, gain };
        let pairs = [
            pair(0, 0, f64::NAN),
            pair(0, 1, f64::INFINITY),
            pair(1, 0, -1.0),
            pair(7, 0, 1.0),
            pair(0, 9, 1.0),
            pair(1, 1, 0.5),
        ];
        assert_eq!(Matcher::default().run(2, 2, &pairs), [(1, 1)]);
        assert!(Matcher::default().run(0, 0, &pairs).is_empty());
    }

    #[test]
    fn a_crowd_beyond_the_limit_is_still_matched() {
        let size = 600;
        let mut pairs = Vec::new();
        for row in 0..size {
            for column in 0..size {
                let gain = if row == column { 1.0 } else { 0.5 };
                pairs.push(Pair { row, column, gain });
            }
        }
        let matches = Matcher::default().run(size, size, &pairs);
        let expected: Vec<_> = (0..size).map(|n| (n, n)).collect();
        assert_eq!(matches, expected);
    }
}
