//! A picture as graphviz's DOT: a cluster an element, a node a pad.

use super::drawing::{Block, Drawing, Look, Place};

pub(super) fn dot(drawing: &Drawing) -> String {
    let mut out = format!("digraph {} {{\n", text(&drawing.name));
    out += "  rankdir=LR;\n  fontname=\"sans\";\n";
    out += "  node [shape=box, style=filled, fillcolor=white, fontname=\"sans\", fontsize=10];\n";
    out += "  edge [fontname=\"monospace\", fontsize=9];\n";
    for (index, block) in drawing.boxes.iter().enumerate() {
        out += &cluster(index, block);
    }
    for link in &drawing.links {
        let caps: String = link
            .caps
            .iter()
            .map(|line| format!("{}\\l", escape(line)))
            .collect();
        let (src, sink) = (src(link.src), sink(link.sink));
        out += &format!("  {src} -> {sink} [label=\"{caps}\"];\n");
    }
    out + "}\n"
}

fn cluster(index: usize, block: &Block) -> String {
    let mut label = escape(&block.name);
    for line in [&block.factory].into_iter().chain(&block.properties) {
        label += &format!("\\n{}", escape(line));
    }
    let (fill, _) = colours(block.look);
    let mut out = format!("  subgraph cluster_{index} {{\n    label=\"{label}\";\n");
    out += &format!("    style=\"filled,rounded\";\n    fillcolor=\"{fill}\";\n");
    for (pad, name) in block.sinks.iter().enumerate() {
        out += &format!(
            "    {} [label={}];\n",
            sink(Place {
                element: index,
                pad
            }),
            text(name)
        );
    }
    for (pad, name) in block.srcs.iter().enumerate() {
        out += &format!(
            "    {} [label={}];\n",
            src(Place {
                element: index,
                pad
            }),
            text(name)
        );
    }
    // Keeps sink pads on the left and src pads on the right.
    for (pad, _) in block.srcs.iter().enumerate() {
        if !block.sinks.is_empty() {
            let (from, to) = (
                Place {
                    element: index,
                    pad: 0,
                },
                Place {
                    element: index,
                    pad,
                },
            );
            out += &format!("    {} -> {} [style=invis];\n", sink(from), src(to));
        }
    }
    out + "  }\n"
}

/// Fill and line of a kind of element.
pub(super) fn colours(look: Look) -> (&'static str, &'static str) {
    match look {
        Look::Source => ("#e6f4ea", "#2e7d32"),
        Look::Filter => ("#e3f0fb", "#1565c0"),
        Look::Sink => ("#fdf0e0", "#c65d00"),
        Look::Host => ("#f2f2f2", "#757575"),
    }
}

fn sink(place: Place) -> String {
    format!("e{}_sink{}", place.element, place.pad)
}

fn src(place: Place) -> String {
    format!("e{}_src{}", place.element, place.pad)
}

fn text(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn escape(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c d");
    }
}
