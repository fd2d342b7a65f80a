//! Whether a new component can stand where another one is: what it wants, its pads, and
//! the properties that it gets.

use std::sync::Arc;

use millstream_core::element::{
    Capability, Descriptor, PadTemplate, Presence, PropertyKind, Value,
};
use millstream_core::pipeline::value_from_text;
use millstream_core::privilege;

use crate::element::failure::Failure;

use crate::element::instance::PadSpec;
use crate::element::registry::Loaded;

/// Refuses a component that wants more than the one before.
pub(super) fn check_privileges(before: &Loaded, now: &Loaded) -> Result<(), Failure> {
    let added = privilege::added(&before.privileges(), &now.privileges());
    if added.is_empty() {
        return Ok(());
    }
    let added: Vec<String> = added.iter().map(|it| format!("\n  + {it}")).collect();
    Err(Failure {
        hint: Some("what an element may do is decided before the start: end the pipeline, look at `millstream audit`, start it anew".to_owned()),
        ..Failure::contract(format!(
            "it wants more than the component before it:{}",
            added.concat()
        ))
    })
}

/// Refuses what two instances cannot have at a time.
pub(super) fn check_sharing(descriptor: &Descriptor) -> Result<(), Failure> {
    let exclusive = descriptor.capabilities.iter().find_map(|it| match it {
        Capability::Camera => Some("a camera is opened once"),
        Capability::FilesWrite => Some("both would write the same files"),
        _ => None,
    });
    exclusive.map_or(Ok(()), |why| {
        Err(Failure::contract(format!(
            "the new component starts beside the old one, and {why}"
        )))
    })
}

/// The pads that the element has, by the templates of the new component.
pub(super) fn pads(
    pads: &[PadSpec],
    before: &Descriptor,
    now: &Descriptor,
) -> Result<Arc<[PadSpec]>, Failure> {
    let always = |descriptor: &Descriptor| {
        let mut names: Vec<String> = descriptor
            .pads
            .iter()
            .filter(|pad| pad.presence == Presence::Always)
            .map(|pad| pad.name.clone())
            .collect();
        names.sort_unstable();
        names
    };
    let (had, has) = (always(before), always(now));
    if had != has {
        return Err(Failure::contract(format!(
            "it has the pads `{}`, and the one before `{}`",
            has.join("`, `"),
            had.join("`, `")
        )));
    }
    let same = |a: &PadTemplate, b: &PadTemplate| {
        (&a.name, a.direction, a.presence, a.caps_from_data)
            == (&b.name, b.direction, b.presence, b.caps_from_data)
    };
    pads.iter()
        .map(|pad| {
            let had = before.pads.get(pad.template);
            let template = now
                .pads
                .iter()
                .position(|it| had.is_some_and(|had| same(had, it)));
            template
                .map(|template| PadSpec {
                    template,
                    ..pad.clone()
                })
                .ok_or_else(|| Failure::contract(format!("it has no pad like `{}`", pad.name)))
        })
        .collect()
}

/// The properties that the new component gets: what was set, and its own defaults.
pub(super) fn properties(
    element: &str,
    present: &[(String, Value)],
    before: &Descriptor,
    now: &Descriptor,
) -> Result<Vec<(String, Value)>, Failure> {
    let refused = |error: &millstream_core::Error| Failure {
        hint: error.hint(),
        ..Failure::contract(error.to_string())
    };
    // What was never set is nothing that the new component would have to know.
    let is_set = |name: &str, value: &Value| {
        let property = before.property(name);
        property.is_none_or(|property| property.default.as_ref() != Some(value))
    };
    let set = |name: &str| {
        let found = present.iter().find(|(other, _)| other == name);
        found.filter(|(name, value)| is_set(name, value))
    };
    if let Some((name, value)) = present
        .iter()
        .find(|(name, value)| is_set(name, value) && now.property(name).is_none())
    {
        return Err(Failure::contract(format!(
            "it has no property `{name}`, which is `{value}`"
        )));
    }
    let mut properties = Vec::new();
    for property in &now.properties {
        let value = match (set(&property.name), &property.default) {
            (Some((_, value)), _) => value_from_text(element, property, &value.to_string())
                .map_err(|error| refused(&error))?,
            (None, Some(default)) => default.clone(),
            (None, None) if property.required => {
                return Err(Failure::contract(format!(
                    "its property `{}` must be set, and the one before has none of that name",
                    property.name
                )));
            }
            (None, None) => continue,
        };
        let is_new = before.property(&property.name).map(|it| &it.kind) != Some(&property.kind);
        if property.kind == PropertyKind::Model && is_new {
            return Err(Failure::contract(format!(
                "its property `{}` names a model, and models are given at the start",
                property.name
            )));
        }
        properties.push((property.name.clone(), value));
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use millstream_core::caps::Caps;
    use millstream_core::element::{Direction, Mutability, Property};

    use super::*;

    fn descriptor(pads: &[(&str, Direction)], properties: &[(&str, i64)]) -> Descriptor {
        Descriptor {
            name: "it".to_owned(),
            class: "Generic".to_owned(),
            description: "It".to_owned(),
            author: "We".to_owned(),
            pads: pads
                .iter()
                .map(|&(name, direction)| PadTemplate {
                    name: name.to_owned(),
                    direction,
                    presence: Presence::Always,
                    caps: Caps::any(),
                    caps_from_data: false,
                })
                .collect(),
            properties: properties
                .iter()
                .map(|&(name, default)| Property {
                    name: name.to_owned(),
                    description: "One".to_owned(),
                    kind: PropertyKind::Integer { min: 0, max: 100 },
                    default: Some(Value::Integer(default)),
                    required: false,
                    unit: None,
                    mutability: Mutability::Playing,
                })
                .collect(),
            capabilities: Vec::new(),
            live: false,
            sync: false,
            stateless: false,
        }
    }

    #[test]
    fn what_was_set_stays_and_the_rest_is_as_the_new_one_has_it() {
        let before = descriptor(&[], &[("a", 1), ("b", 2), ("gone", 3)]);
        let now = descriptor(&[], &[("new", 9), ("b", 7), ("a", 8)]);
        let present = [("a", 5), ("b", 2), ("gone", 3)]
            .map(|(name, value)| (name.to_owned(), Value::Integer(value)));
        let got = properties("e", &present, &before, &now).unwrap();
        let got: Vec<String> = got
            .iter()
            .map(|(name, it)| format!("{name}={it}"))
            .collect();
        assert_eq!(got, ["new=9", "b=7", "a=5"]);

        let check = |name: &str, value, expected: &str| {
            let present = [(name.to_owned(), Value::Integer(value))];
            let error = properties("e", &present, &before, &now).unwrap_err();
            assert!(error.message.contains(expected), "{}", error.message);
        };
        check("gone", 4, "it has no property `gone`, which is `4`");
        check("a", 101, "101");
    }

    #[test]
    fn pads_are_found_by_name_and_direction() {
        use Direction::{Sink, Src};
        let before = descriptor(&[("sink", Sink), ("src", Src)], &[]);
        let specs = [PadSpec {
            name: "src".to_owned(),
            template: 1,
            is_src: true,
            linked: true,
        }];
        let turned = descriptor(&[("src", Src), ("sink", Sink)], &[]);
        assert_eq!(pads(&specs, &before, &turned).unwrap()[0].template, 0);
        for other in [
            descriptor(&[("sink", Sink)], &[]),
            descriptor(&[("sink", Sink), ("src", Sink)], &[]),
            descriptor(&[("sink", Sink), ("src", Src), ("aux", Src)], &[]),
        ] {
            assert!(pads(&specs, &before, &other).is_err(), "{other:?}");
        }
    }
}
