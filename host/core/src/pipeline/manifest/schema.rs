//! The table of keys as JSON Schema, for editors.

use super::keys::{Key, MANIFEST, Shape};

/// JSON Schema (2020-12) of manifests.
pub fn schema() -> String {
    let mut out = Writer {
        text: String::new(),
        depth: 0,
    };
    out.object(|out| {
        out.entry(
            "$schema",
            &text("https://json-schema.org/draft/2020-12/schema"),
        );
        out.entry("title", &text("Millstream manifest"));
        table(out, MANIFEST);
    });
    out.text.push('\n');
    out.text
}

/// JSON with two spaces a level; commas are put before all entries but the first.
struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn object(&mut self, inside: impl FnOnce(&mut Self)) {
        self.text.push('{');
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if !self.text.ends_with('{') {
            self.line();
        }
        self.text.push('}');
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(self.depth));
    }

    fn key(&mut self, name: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.line();
        self.text.push_str(&text(name));
        self.text.push_str(": ");
    }

    fn entry(&mut self, name: &str, json: &str) {
        self.key(name);
        self.text.push_str(json);
    }

    fn nested(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.key(name);
        self.object(inside);
    }
}

/// A JSON string. Names and descriptions have no control characters.
fn text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(values: &[&str]) -> String {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    format!("[{}]", values.join(", "))
}

fn table(out: &mut Writer, keys: &[Key]) {
    out.entry("type", &text("object"));
    out.entry("additionalProperties", "false");
    let required: Vec<_> = keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    if !required.is_empty() {
        out.entry("required", &list(&required));
    }
    out.nested("properties", |out| {
        for key in keys {
            out.nested(key.name, |out| {
                out.entry("description", &text(key.doc));
                shape(out, &key.shape);
            });
        }
    });
}

fn shape(out: &mut Writer, shape: &Shape) {
    const TIME: &str =
        r"^([0-9][0-9_.]*( ?(ns|us|ms|s|m|min|h))?|[0-9]+(:[0-9]{2}){1,2}(\.[0-9]+)?)$";
    const SIZE: &str = r"^[0-9]+ ?(B|[kK]B|MB|GB|KiB|MiB|GiB)?$";
    const GRANT: &str = r"^(camera|display|inference|files:.+)$";
    match shape {
        Shape::Text => out.entry("type", &text("string")),
        Shape::Choice(words) => out.entry("enum", &list(words)),
        Shape::Integer { min, max } => {
            out.entry("type", &text("integer"));
            out.entry("minimum", &min.to_string());
            out.entry("maximum", &max.to_string());
        }
        Shape::Time => {
            out.entry("type", &text("string"));
            out.entry("pattern", &text(TIME));
        }
        Shape::Size => {
            out.entry("type", &list(&["string", "integer"]));
            out.entry("pattern", &text(SIZE));
            out.entry("minimum", "0");
        }
        Shape::Digest => {
            out.entry("type", &text("string"));
            out.entry("pattern", &text("^[0-9a-f]{64}$"));
        }
        Shape::Words(words) => {
            out.entry("type", &text("array"));
            out.nested("items", |out| out.entry("enum", &list(words)));
        }
        Shape::Texts => {
            out.entry("type", &text("array"));
            out.nested("items", |out| out.entry("type", &text("string")));
        }
        Shape::Grants => {
            out.entry("type", &text("array"));
            out.nested("items", |out| {
                out.entry("type", &text("string"));
                out.entry("pattern", &text(GRANT));
            });
        }
        Shape::Properties => {
            out.entry("type", &text("object"));
            out.nested("additionalProperties", |out| {
                out.entry("type", &list(&["string", "number", "boolean"]));
            });
        }
        Shape::Table(keys) => table(out, keys),
        Shape::Named(keys) => {
            out.entry("type", &text("object"));
            out.nested("additionalProperties", |out| table(out, keys));
        }
    }
}
