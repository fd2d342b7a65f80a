//! Puts the pieces of launch syntax together: names elements, resolves
//! references, and makes a [`Description`] of it. Shared by launch lines and the
//! chains of manifests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Description, ElementText, EndText, LinkText, Policy, PropertyText, TextValue};
use crate::Error;
use crate::error::LaunchProblem;
use crate::source::{Source, Span};

/// Most elements in a pipeline. Each costs a store and maybe a thread; nobody
/// writes a tenth of this by hand.
pub(super) const MAX_ELEMENTS: usize = 1_000;

/// Which element an end of a link means.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// One that has been made.
    Element(usize),
    /// One that has this name in the end.
    Named(String),
}

/// One end of a link, not yet resolved.
#[derive(Debug, Clone)]
pub(super) struct DraftEnd {
    pub(super) node: Node,
    pub(super) pad: Option<String>,
    pub(super) span: Span,
}

/// An element that a manifest's table describes.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) factory: String,
    pub(super) properties: Vec<PropertyText>,
    pub(super) policy: Policy,
    pub(super) span: Span,
}

#[derive(Debug)]
struct Draft {
    factory: String,
    name: Option<String>,
    properties: Vec<PropertyText>,
    policy: Policy,
    span: Span,
}

impl Draft {
    fn new(factory: &str, span: Span) -> Self {
        let (factory, policy) = (factory.to_owned(), Policy::default());
        Self {
            factory,
            name: None,
            properties: Vec::new(),
            policy,
            span,
        }
    }
}

/// Elements and links while they are being read.
#[derive(Debug)]
pub(super) struct Assembler<'a> {
    pub(super) source: &'a Source,
    tables: BTreeMap<String, Table>,
    made: BTreeMap<String, usize>,
    elements: Vec<Draft>,
    links: Vec<(DraftEnd, DraftEnd, Span)>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(source: &'a Source, tables: BTreeMap<String, Table>) -> Self {
        Self {
            source,
            tables,
            made: BTreeMap::new(),
            elements: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The element that a word means: a table's, or a new one of that factory.
    pub(super) fn element(&mut self, word: &str, span: Span) -> Result<usize, Error> {
        if let Some(&index) = self.made.get(word) {
            return Ok(index);
        }
        let table = self.tables.get(word).cloned();
        let known = table.is_some();
        let draft = match table {
            Some(Table {
                factory,
                properties,
                policy,
                ..
            }) => Draft {
                factory,
                name: Some(word.to_owned()),
                properties,
                policy,
                span,
            },
            None => Draft::new(word, span),
        };
        let index = self.add(draft)?;
        if known {
            self.made.insert(word.to_owned(), index);
        }
        Ok(index)
    }

    /// A caps filter in place.
    pub(super) fn filter(&mut self, span: Span) -> Result<usize, Error> {
        self.add(Draft::new("capsfilter", span))
    }

    fn add(&mut self, draft: Draft) -> Result<usize, Error> {
        if self.elements.len() == MAX_ELEMENTS {
            let place = Some(Box::new(self.source.place(draft.span)));
            let (got, max) = (MAX_ELEMENTS + 1, MAX_ELEMENTS);
            return Err(Error::Limit {
                what: "elements",
                got,
                max,
                place,
            });
        }
        self.elements.push(draft);
        Ok(self.elements.len() - 1)
    }

    /// Sets a property of an element; `name` names the element itself.
    pub(super) fn property(&mut self, element: usize, property: PropertyText) -> Result<(), Error> {
        let Some(draft) = self.elements.get_mut(element) else {
            return Ok(());
        };
        if property.name != "name" {
            draft.properties.push(property);
            return Ok(());
        }
        let span = property.value_span.or(property.span).unwrap_or(draft.span);
        let place = || Some(Box::new(self.source.place(span)));
        let TextValue::Text(name) = property.value else {
            return Ok(());
        };
        if !is_name(&name) {
            return Err(Error::Launch {
                problem: LaunchProblem::BadName(name),
                place: place(),
            });
        }
        if self.tables.contains_key(&name) && draft.name.as_ref() != Some(&name) {
            return Err(Error::DuplicateName {
                name,
                place: place(),
            });
        }
        draft.name = Some(name);
        Ok(())
    }

    pub(super) fn link(&mut self, src: DraftEnd, sink: DraftEnd, span: Span) {
        self.links.push((src, sink, span));
    }

    /// Names what has no name, resolves references.
    pub(super) fn finish(mut self, name: &str) -> Result<Description, Error> {
        let mut left: Vec<_> = self
            .tables
            .iter()
            .filter(|(name, _)| !self.made.contains_key(*name))
            .map(|(name, table)| (table.span, name.clone()))
            .collect();
        left.sort_by_key(|(span, _)| span.start);
        for (span, name) in left {
            self.element(&name, span)?;
        }
        let names = self.names()?;
        let by_name: BTreeMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(index, name)| (name.as_str(), index))
            .collect();
        let source = self.source;
        let end = |end: DraftEnd| -> Result<EndText, Error> {
            let element = match end.node {
                Node::Element(index) => index,
                Node::Named(name) => {
                    let known = by_name.get(name.as_str()).copied();
                    known.ok_or_else(|| Error::UnknownName {
                        name,
                        known: names.clone(),
                        place: Some(Box::new(source.place(end.span))),
                    })?
                }
            };
            Ok(EndText {
                element,
                pad: end.pad,
                span: Some(end.span),
            })
        };
        let links = self
            .links
            .into_iter()
            .map(|(src, sink, span)| {
                Ok(LinkText {
                    src: end(src)?,
                    sink: end(sink)?,
                    span: Some(span),
                })
            })
            .collect::<Result<_, Error>>()?;
        let elements = self
            .elements
            .into_iter()
            .zip(names.iter().cloned())
            .map(|(draft, name)| {
                let Draft {
                    factory,
                    properties,
                    policy,
                    span,
                    ..
                } = draft;
                ElementText {
                    factory,
                    name,
                    properties,
                    policy,
                    span: Some(span),
                }
            });
        Ok(Description {
            name: name.to_owned(),
            source: source.clone(),
            elements: elements.collect(),
            links,
        })
    }

    /// A name for each element: the user's, or the factory's and a number.
    fn names(&self) -> Result<Vec<String>, Error> {
        let mut taken = BTreeSet::new();
        for draft in &self.elements {
            if let Some(name) = draft
                .name
                .clone()
                .filter(|name| !taken.insert(name.clone()))
            {
                let place = Some(Box::new(self.source.place(draft.span)));
                return Err(Error::DuplicateName { name, place });
            }
        }
        let mut counters: BTreeMap<String, usize> = BTreeMap::new();
        let mut fresh = |factory: &str| {
            let base = base_name(factory);
            let counter = counters.entry(base.clone()).or_default();
            loop {
                let name = format!("{base}{counter}");
                *counter += 1;
                if taken.insert(name.clone()) {
                    return name;
                }
            }
        };
        let name = |draft: &Draft| draft.name.clone().unwrap_or_else(|| fresh(&draft.factory));
        Ok(self.elements.iter().map(name).collect())
    }
}

/// Whether a text can name an element: a link can then refer to it.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// `objectdetector` for `./elements/objectdetector.wasm`.
fn base_name(factory: &str) -> String {
    let file = factory.rsplit(['/', '\\']).next().unwrap_or(factory);
    let stem = file.strip_suffix(".wasm").unwrap_or(file);
    let kept: String = stem
        .chars()
        .filter(|&c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(48)
        .collect();
    if kept.is_empty() {
        "element".to_owned()
    } else {
        kept
    }
}
