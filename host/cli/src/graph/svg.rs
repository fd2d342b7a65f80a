//! A picture as SVG, which needs nothing but a browser.

use super::dot::colours;
use super::drawing::{Block, Drawing, Link};
use super::layout::{LINE, Layout, NAME_SIZE, PADDING, Rect, TEXT_SIZE, pad_y};

const FONT: &str = "DejaVu Sans Mono, Menlo, Consolas, monospace";
const INK: &str = "#202124";
const LINK: &str = "#5f6368";

pub(super) fn svg(drawing: &Drawing) -> String {
    let layout = Layout::new(drawing);
    let (width, height) = (layout.width, layout.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"{FONT}\" font-size=\"{TEXT_SIZE}\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(&drawing.name)
    );
    for ((link, points), end) in drawing.links.iter().zip(&layout.links).zip(&layout.ends) {
        out += &draw_link(link, points, *end);
    }
    for (block, rect) in drawing.boxes.iter().zip(&layout.boxes) {
        out += &draw_box(block, rect);
    }
    out + "</svg>\n"
}

fn draw_link(link: &Link, points: &[[(f64, f64); 2]], end: (f64, f64)) -> String {
    let mut path = String::new();
    let mut bend_from: Option<(f64, f64)> = None;
    let ends = points.iter().copied().chain([[(end.0 - 7.0, end.1), end]]);
    for [start, stop] in ends {
        path += &match bend_from {
            None => format!("M{:.1} {:.1}", start.0, start.1),
            Some(from) => {
                let middle = f64::midpoint(from.0, start.0);
                format!(
                    " C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
                    from.1, start.1, start.0, start.1
                )
            }
        };
        path += &format!(" H{:.1}", stop.0);
        bend_from = Some(stop);
    }
    let (x, y) = end;
    let (left, up, down) = (x - 8.0, y - 4.0, y + 4.0);
    let mut out = format!("<g><title>{}</title>", escape(&link.caps.join("\n")));
    out += &format!("<path d=\"{path}\" fill=\"none\" stroke=\"{LINK}\" stroke-width=\"1.4\"/>");
    out += &format!("<path d=\"M{x:.1} {y:.1} L{left:.1} {up:.1} V{down:.1} Z\" fill=\"{LINK}\"/>");
    if let Some([(x, y), _]) = points.first() {
        let [above, below] = &link.label;
        out += &text(x + 6.0, y - 5.0, "", above);
        out += &text(x + 6.0, y + TEXT_SIZE + 3.0, "", below);
    }
    out + "</g>\n"
}

fn draw_box(block: &Block, rect: &Rect) -> String {
    let (fill, stroke) = colours(block.look);
    let Rect {
        x,
        y,
        width,
        height,
    } = *rect;
    let mut out = format!(
        "<g><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.4\"/>"
    );
    let left = x + PADDING;
    let name = format!("font-size=\"{NAME_SIZE}\" font-weight=\"bold\"");
    let mut line = y + PADDING + NAME_SIZE - 2.0;
    out += &text(left, line, &name, &block.name);
    line += LINE;
    out += &text(left, line, &format!("fill=\"{stroke}\""), &block.factory);
    for property in &block.properties {
        line += LINE;
        out += &text(left, line, "", property);
    }
    for (pad, name) in block.sinks.iter().enumerate() {
        let pad = y + pad_y(block, pad);
        out += &text(left, pad + 4.0, "", name);
        out += &dot(x, pad, stroke);
    }
    for (pad, name) in block.srcs.iter().enumerate() {
        let pad = y + pad_y(block, pad);
        out += &text(x + width - PADDING, pad + 4.0, "text-anchor=\"end\"", name);
        out += &dot(x + width, pad, stroke);
    }
    out + "</g>\n"
}

fn dot(x: f64, y: f64, colour: &str) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")
}

fn text(x: f64, y: f64, attributes: &str, text: &str) -> String {
    let fill = if attributes.contains("fill") { "" } else { INK };
    let fill = if fill.is_empty() {
        String::new()
    } else {
        format!(" fill=\"{fill}\"")
    };
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\"{fill} {attributes}>{}</text>",
        escape(text)
    )
}

/// Text for XML, without the characters that XML cannot hold.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(
            escape("<a b=\"c\">&\u{1}"),
            "&lt;a b=&quot;c&quot;&gt;&amp; "
        );
    }
}
