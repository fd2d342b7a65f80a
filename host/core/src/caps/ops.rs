//! Caps as sets: intersection, union, subset, equality.
//!
//! Meanings are GStreamer's, with one difference: where several structures only
//! together hold another, `is_subset` finds that too.

use super::{Caps, Structure, Value, value_ops};

/// Most structures that an intersection has. Two caps at their limits could give
/// thousands, and each result is compared with those before it.
const MAX_RESULTS: usize = 256;
/// Most pieces into which a structure is cut to see whether others cover it.
const MAX_PIECES: usize = 256;

impl Structure {
    /// Whether the media types and features can be the same.
    fn is_kin(&self, other: &Self) -> bool {
        self.name == other.name && self.features.can_intersect(&other.features)
    }

    /// What both allow.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if !self.is_kin(other) {
            return None;
        }
        let mut fields = Vec::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            let common = match other.get(name) {
                Some(theirs) => value_ops::intersect(value, theirs)?,
                None => value.clone(),
            };
            fields.push((name.clone(), common));
        }
        fields.extend(
            other
                .fields
                .iter()
                .filter(|(name, _)| self.get(name).is_none())
                .cloned(),
        );
        let features = if self.features.is_any() {
            &other.features
        } else {
            &self.features
        };
        Some(Self {
            name: self.name.clone(),
            features: features.clone(),
            fields,
        })
    }

    /// Whether both allow something.
    pub fn can_intersect(&self, other: &Self) -> bool {
        self.is_kin(other)
            && self.fields.iter().all(|(name, value)| {
                other
                    .get(name)
                    .is_none_or(|theirs| value_ops::intersect(value, theirs).is_some())
            })
    }

    /// Whether `other` allows everything that this one allows.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.name == other.name
            && (other.features.is_any() || self.features.is_equal(&other.features))
            && other.fields.iter().all(|(name, theirs)| {
                self.get(name)
                    .is_some_and(|value| value_ops::is_subset(value, theirs))
            })
    }

    /// What this one allows and `other` does not, or more where that cannot be
    /// written.
    fn subtract(&self, other: &Self) -> Vec<Self> {
        let covered = other.features.is_any() || self.features.is_equal(&other.features);
        let named = other
            .fields
            .iter()
            .all(|(name, _)| self.get(name).is_some());
        if !covered || !named || !self.can_intersect(other) {
            return vec![self.clone()];
        }
        let mut pieces = Vec::new();
        let mut left = self.clone();
        for (name, theirs) in &other.fields {
            let Some(ours) = left.get(name).cloned() else {
                continue;
            };
            let mut rest = value_ops::subtract(&ours, theirs);
            if let Some(value) = if rest.len() > 1 {
                Some(Value::List(rest))
            } else {
                rest.pop()
            } {
                pieces.push(left.clone().field(name, value));
            }
            if let Some(common) = value_ops::intersect(&ours, theirs) {
                left.set(name, common);
            }
        }
        pieces
    }

    /// Whether `others` together allow everything that this one allows.
    fn is_covered(&self, others: &[Self]) -> bool {
        if others.iter().any(|other| self.is_subset(other)) {
            return true;
        }
        let mut left = vec![self.clone()];
        for other in others.iter().filter(|other| self.is_kin(other)) {
            left = left
                .iter()
                .flat_map(|piece| piece.subtract(other))
                .collect();
            if left.is_empty() || left.len() > MAX_PIECES {
                break;
            }
        }
        left.is_empty()
    }

    /// One structure that allows what either allows, if they differ in one field.
    fn unify(&self, other: &Self) -> Option<Self> {
        let same = self.name == other.name
            && self.features.is_equal(&other.features)
            && self.fields.len() == other.fields.len();
        if !same {
            return None;
        }
        let mut changed = None;
        for (name, value) in &self.fields {
            let theirs = other.get(name)?;
            let equal = value_ops::is_subset(value, theirs) && value_ops::is_subset(theirs, value);
            if !equal && changed.replace((name, value, theirs)).is_some() {
                return None;
            }
        }
        let (name, value, theirs) = changed?;
        Some(self.clone().field(name, value_ops::union(value, theirs)?))
    }
}

impl Caps {
    /// What both allow, in GStreamer's default order: preferences of both count
    /// (zig-zag).
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (rows, columns) = (self.structures().len(), other.structures().len());
        let diagonals = (rows + columns).saturating_sub(1);
        let pairs = (0..diagonals).flat_map(move |diagonal| {
            let top = diagonal.min(rows.saturating_sub(1));
            (0..=top)
                .rev()
                .map(move |row| (row, diagonal - row))
                .filter(move |&(_, column)| column < columns)
        });
        self.intersect_pairs(other, pairs)
    }

    /// What both allow, in this one's order of preference.
    #[must_use]
    pub fn intersect_first(&self, other: &Self) -> Self {
        let (rows, columns) = (self.structures().len(), other.structures().len());
        let pairs = (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)));
        self.intersect_pairs(other, pairs)
    }

    fn intersect_pairs(&self, other: &Self, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        if self.is_any() {
            return other.clone();
        }
        if other.is_any() {
            return self.clone();
        }
        let mut out = Self::empty();
        for (row, column) in pairs {
            if out.structures.len() == MAX_RESULTS {
                break;
            }
            let (a, b) = (self.structures.get(row), other.structures.get(column));
            if let Some(common) = a.zip(b).and_then(|(a, b)| a.intersect(b)) {
                out.merge(common);
            }
        }
        out
    }

    /// Adds a structure unless it is allowed already.
    fn merge(&mut self, structure: Structure) {
        if !self.any
            && !self
                .structures
                .iter()
                .any(|known| structure.is_subset(known))
        {
            self.structures.push(structure);
        }
    }

    /// What either allows; what this one prefers comes first.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_any() || other.is_any() {
            return Self::any();
        }
        let mut out = self.clone();
        other
            .structures
            .iter()
            .for_each(|structure| out.merge(structure.clone()));
        out
    }

    /// Whether `other` allows everything that these allow.
    pub fn is_subset(&self, other: &Self) -> bool {
        if other.is_any() || self.is_any() {
            return other.is_any();
        }
        self.structures
            .iter()
            .all(|structure| structure.is_covered(&other.structures))
    }

    /// Whether both allow the same, in any order.
    pub fn is_equal(&self, other: &Self) -> bool {
        self == other || (self.is_subset(other) && other.is_subset(self))
    }

    /// Whether there is something that both allow.
    pub fn can_intersect(&self, other: &Self) -> bool {
        if self.is_any() || other.is_any() {
            return !self.is_empty() && !other.is_empty();
        }
        self.structures
            .iter()
            .any(|a| other.structures.iter().any(|b| a.can_intersect(b)))
    }

    /// The same set in fewer structures: those that others hold are dropped, those
    /// that differ in one field are joined. The order is kept.
    #[must_use]
    pub fn simplify(&self) -> Self {
        if self.is_any() {
            return Self::any();
        }
        let mut out: Vec<Structure> = Vec::new();
        for structure in &self.structures {
            let mut new = structure.clone();
            for (_, value) in &mut new.fields {
                *value = value_ops::simplify(value);
            }
            if out.iter().any(|known| new.is_subset(known)) {
                continue;
            }
            out.retain(|known| !known.is_subset(&new));
            match out
                .iter_mut()
                .find_map(|known| known.unify(&new).map(|joined| (known, joined)))
            {
                Some((known, joined)) => *known = joined,
                None => out.push(new),
            }
        }
        Self::new(out)
    }
}
