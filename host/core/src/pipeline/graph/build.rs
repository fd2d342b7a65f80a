//! Texts of elements to elements: descriptors, properties, always pads.

use std::sync::Arc;

use super::super::builtin;
use super::super::property::convert;
use super::super::{Description, ElementText, PropertyText, TextValue};
use super::{Base, Element, Kind, Pad, Registry};
use crate::Error;
use crate::caps::Caps;
use crate::element::{Descriptor, Presence, Property, Role, Value};
use crate::error::{At, suggest};
use crate::queue::{Leaky, Priority, Settings};
use crate::source::{Source, Span};

/// All elements of a description, not yet linked.
pub(super) fn elements(
    description: &Description,
    registry: &dyn Registry,
) -> Result<Vec<Element>, Error> {
    let one = |text| {
        Builder {
            text,
            source: &description.source,
        }
        .build(registry)
    };
    description.elements.iter().map(one).collect()
}

struct Builder<'a> {
    text: &'a ElementText,
    source: &'a Source,
}

impl Builder<'_> {
    fn place(&self, span: Option<Span>) -> At {
        span.or(self.text.span)
            .map(|span| Box::new(self.source.place(span)))
    }

    fn build(&self, registry: &dyn Registry) -> Result<Element, Error> {
        let text = self.text;
        let host = builtin::descriptor(&text.factory);
        let is_host = host.is_some();
        let descriptor = match host {
            Some(descriptor) => descriptor,
            None => self.look_up(registry)?,
        };
        let hosted = builtin::base_properties(&descriptor);
        let set = self.set(&descriptor, &hosted)?;
        let properties = self.own(&descriptor, &set)?;
        let kind = if is_host {
            kind(&text.factory, &properties)
        } else {
            Kind::Component
        };
        Ok(Element {
            name: text.name.clone(),
            factory: text.factory.clone(),
            kind,
            properties,
            user_set: set
                .iter()
                .map(|(property, _)| property.name.clone())
                .collect(),
            base: base(&descriptor, &hosted, &set),
            pads: always_pads(&descriptor),
            policy: text.policy.clone(),
            twin_of: None,
            span: text.span,
            descriptor,
        })
    }

    fn look_up(&self, registry: &dyn Registry) -> Result<Arc<Descriptor>, Error> {
        let factory = &self.text.factory;
        let place = self.place(None);
        let found = registry.descriptor(factory).map_err(|error| match error {
            Error::Element { message, hint, .. } => Error::Component {
                factory: factory.clone(),
                message,
                hint,
                place: place.clone(),
            },
            other => other.with_place(place.as_deref().cloned()),
        })?;
        found.ok_or_else(|| {
            let mut names = registry.names();
            names.extend(builtin::all().iter().map(|known| known.name.clone()));
            let suggestion = suggest(factory, names.iter().map(String::as_str));
            Error::UnknownElement {
                factory: factory.clone(),
                suggestion,
                place,
            }
        })
    }

    /// What the user sets, typed; the last of each name.
    fn set<'a>(
        &self,
        descriptor: &'a Descriptor,
        hosted: &'a [Property],
    ) -> Result<Vec<(&'a Property, Value)>, Error> {
        let mut set: Vec<(&Property, Value)> = Vec::new();
        for PropertyText {
            name,
            value,
            span,
            value_span,
        } in &self.text.properties
        {
            let known = descriptor
                .property(name)
                .or_else(|| hosted.iter().find(|property| property.name == *name));
            let Some(property) = known else {
                let all = descriptor.properties.iter().chain(hosted);
                return Err(Error::UnknownProperty {
                    element: self.text.name.clone(),
                    factory: self.text.factory.clone(),
                    property: name.clone(),
                    known: all.map(|property| property.name.clone()).collect(),
                    place: self.place(*span),
                });
            };
            let place = self.place(value_span.or(*span));
            let value = convert(&self.text.name, property, value, place)
                .map_err(|error| self.point(error, value, *value_span))?;
            set.retain(|(earlier, _)| earlier.name != property.name);
            set.push((property, value));
        }
        Ok(set)
    }

    /// Lets an error in caps point into the text of the property.
    fn point(&self, error: Error, value: &TextValue, span: Option<Span>) -> Error {
        let (Error::Caps { source, .. }, TextValue::Text(text), Some(span)) = (&error, value, span)
        else {
            return error;
        };
        let raw = self
            .source
            .text
            .get(span.start..span.end)
            .unwrap_or_default();
        match raw.find(text) {
            Some(at) => Error::caps_in(source.clone(), self.source, span.start + at),
            None => error,
        }
    }

    /// Its own properties that have a value, in the descriptor's order.
    fn own(
        &self,
        descriptor: &Descriptor,
        set: &[(&Property, Value)],
    ) -> Result<Vec<(String, Value)>, Error> {
        let mut own = Vec::new();
        for property in &descriptor.properties {
            let users = set.iter().find(|(known, _)| known.name == property.name);
            let value = users.map(|(_, value)| value).or(property.default.as_ref());
            if property.required && users.is_none() {
                return Err(Error::MissingProperty {
                    element: self.text.name.clone(),
                    factory: self.text.factory.clone(),
                    property: property.name.clone(),
                    description: property.description.clone(),
                    place: self.place(None),
                });
            }
            own.extend(value.map(|value| (property.name.clone(), value.clone())));
        }
        Ok(own)
    }
}

fn base(descriptor: &Descriptor, hosted: &[Property], set: &[(&Property, Value)]) -> Base {
    let value = |name: &str| {
        let ours = descriptor.property(name).is_none();
        let property = hosted
            .iter()
            .find(|property| property.name == name)
            .filter(|_| ours)?;
        let users = set.iter().find(|(known, _)| known.name == property.name);
        users.map(|(_, value)| value.clone())
    };
    let flag = |name, default| match value(name) {
        Some(Value::Boolean(value)) => value,
        _ => default,
    };
    let integer = |name, default| match value(name) {
        Some(Value::Integer(value)) => value,
        _ => default,
    };
    Base {
        num_buffers: u64::try_from(integer("num-buffers", -1)).ok(),
        do_timestamp: flag("do-timestamp", false),
        sync: flag("sync", descriptor.sync && descriptor.role() == Role::Sink),
        max_lateness_nanos: u64::try_from(integer("max-lateness", -1)).ok(),
        ts_offset_nanos: integer("ts-offset", 0),
        stats: flag("stats", false),
        parallel: usize::try_from(integer("parallel", 1)).unwrap_or(1),
        priority: match value("thread-priority") {
            Some(Value::Text(word)) => Priority::from_word(&word),
            _ => Priority::Normal,
        },
    }
}

pub(super) fn always_pads(descriptor: &Descriptor) -> Vec<Pad> {
    let always = descriptor.pads.iter().enumerate();
    always
        .filter(|(_, template)| template.presence == Presence::Always)
        .map(|(template, known)| Pad {
            name: known.name.clone(),
            template,
            direction: known.direction,
            link: None,
            caps: known.caps.clone(),
        })
        .collect()
}

/// The host's own element, from its properties.
fn kind(factory: &str, properties: &[(String, Value)]) -> Kind {
    let value = |name: &str| {
        properties
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, v)| v)
    };
    let number = |name| match value(name) {
        Some(Value::Integer(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    let word = |name| match value(name) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    match factory {
        "queue" => Kind::Queue(Settings {
            max_buffers: u32::try_from(number("max-size-buffers")).unwrap_or(u32::MAX),
            max_bytes: number("max-size-bytes"),
            max_time_nanos: number("max-size-time"),
            leaky: match word("leaky") {
                "upstream" => Leaky::Upstream,
                "downstream" => Leaky::Downstream,
                _ => Leaky::No,
            },
            max_lateness_nanos: match value("max-lateness") {
                Some(Value::Integer(nanos)) => u64::try_from(*nanos).ok(),
                _ => None,
            },
            priority: Priority::from_word(word("thread-priority")),
        }),
        "tee" => Kind::Tee,
        // `convert` has read the caps once, so they can be read.
        "capsfilter" => Kind::CapsFilter(word("caps").parse().unwrap_or(Caps::any())),
        "funnel" => Kind::Funnel,
        _ => Kind::Valve {
            drop: value("drop") == Some(&Value::Boolean(true)),
        },
    }
}
