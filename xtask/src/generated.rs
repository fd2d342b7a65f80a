//! `cargo xtask generate`: files and README sections that `millstream` itself writes.

use anyhow::{Context as _, Result, bail};

use crate::args::Args;
use crate::demo;
use crate::workspace::{Workspace, capture, read, write_atomically};

/// What a `millstream` command prints, and where that stands in the tree.
struct Generated {
    file: &'static str,
    /// Arguments of `millstream`; its stdout is the content.
    command: &'static [&'static str],
    /// The name in `<!-- begin NAME -->` and `<!-- end NAME -->`; `None`: the whole file.
    section: Option<&'static str>,
}

const GENERATED: &[Generated] = &[
    Generated {
        file: "host/cli/manifest.schema.json",
        command: &["schema"],
        section: None,
    },
    Generated {
        file: "README.md",
        command: &["inspect", "--markdown"],
        section: Some("elements"),
    },
];

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let is_check = args.flag("--check");
    args.finish()?;
    demo::build_binary(workspace)?;
    if is_check {
        eprintln!("generate: {}", check(workspace)?);
        return Ok(());
    }
    for generated in GENERATED {
        let path = workspace.root.join(generated.file);
        write_atomically(&path, content(workspace, generated)?.as_bytes())?;
        eprintln!("generate: {}", generated.file);
    }
    Ok(())
}

/// Fails if a file does not hold what its command prints now. Needs the binary.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let mut stale = Vec::new();
    for generated in GENERATED {
        let now = read(&workspace.root.join(generated.file)).unwrap_or_default();
        if now != content(workspace, generated)? {
            stale.push(generated.file);
        }
    }
    if !stale.is_empty() {
        bail!(
            "out of date: {}\nhint: `cargo xtask generate` rewrites them",
            stale.join(", ")
        );
    }
    Ok(format!("{} up to date", GENERATED.len()))
}

/// The whole file as it should be.
fn content(workspace: &Workspace, generated: &Generated) -> Result<String> {
    let mut command = workspace.command(workspace.binary());
    let printed = capture(command.args(generated.command))? + "\n";
    let Some(section) = generated.section else {
        return Ok(printed);
    };
    let text = read(&workspace.root.join(generated.file))?;
    replace_section(&text, section, &printed)
        .with_context(|| format!("`{}` has no section `{section}`", generated.file))
}

fn replace_section(text: &str, name: &str, content: &str) -> Option<String> {
    let begin = format!("<!-- begin {name} -->\n");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&format!("<!-- end {name} -->"))?;
    Some(format!(
        "{before}{begin}{content}<!-- end {name} -->{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::replace_section;

    #[test]
    fn only_the_section_is_replaced() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let expected = "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n";
        assert_eq!(
            replace_section(text, "x", "new\n").as_deref(),
            Some(expected)
        );
        assert_eq!(replace_section(text, "y", "new\n"), None);
    }
}
