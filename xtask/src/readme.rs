//! README.md must tell the truth: its commands run as written, and its element is the one in the tree.
//!
//! A block is run if its info string says so: `` ```sh run ``. The first `rust` block is the smallest element.

use std::env;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::demo;
use crate::step::Step;
use crate::workspace::{Workspace, read};

const README: &str = "README.md";
const SMALLEST: &str = "components/videonegate/src/lib.rs";
const SMALLEST_LAUNCH: &str = "videotestsrc num-buffers=3 \
    ! video/x-raw,format=RGB,width=64,height=48,framerate=30/1 ! videonegate ! fakesink";

/// A fenced block.
struct Block {
    info: String,
    text: String,
    /// Of its fence, from 1.
    line: usize,
}

/// Runs every marked block in a shell of its own, in order, beginning with no `out/`.
pub(crate) fn commands(workspace: &Workspace) -> Result<String> {
    let blocks = blocks(&read(&workspace.root.join(README))?);
    let marked: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.info == "sh run")
        .collect();
    if marked.is_empty() {
        bail!("no block of {README} is marked for running (```sh run)");
    }
    let out = workspace.root.join("out");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir(&out)?;
    for block in &marked {
        eprintln!("readme: line {}: {}", block.line, block.text.trim_end());
        run(workspace, block).with_context(|| format!("{README}:{}", block.line))?;
    }
    Ok(format!("{} blocks run", marked.len()))
}

/// The element in README is the file in the tree, and a pipeline runs it.
pub(crate) fn smallest_element(workspace: &Workspace) -> Result<String> {
    let blocks = blocks(&read(&workspace.root.join(README))?);
    let block = blocks
        .iter()
        .find(|block| block.info.split([' ', ',']).next() == Some("rust"));
    let block = block.with_context(|| format!("{README} shows no element (```rust)"))?;
    if block.text != read(&workspace.root.join(SMALLEST))? {
        bail!(
            "{README}:{}: the element shown is not `{SMALLEST}`",
            block.line
        );
    }
    demo::launch(workspace, SMALLEST_LAUNCH, &[])?;
    Ok(format!("{} lines", block.text.lines().count()))
}

fn run(workspace: &Workspace, block: &Block) -> Result<()> {
    let mut shell = workspace.command("bash");
    shell.args(["-euo", "pipefail", "-c", &block.text]);
    // README speaks of an installed `millstream`; here it is the one just built.
    let folder = workspace.cargo_target.join("debug");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(folder).chain(env::split_paths(&path)))?;
    Step::new(workspace, &format!("readme-{}", block.line))
        .run(shell.env("PATH", path))
        .map(drop)
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let info = info.trim().to_owned();
                open = Some(Block {
                    info,
                    text: String::new(),
                    line: at + 1,
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_keep_their_info_text_and_line() {
        let found = blocks("# A\n```sh run\nls\npwd\n```\ntext\n```rust\nfn a() {}\n```\n");
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.info.as_str(), it.text.as_str(), it.line))
            .collect();
        assert_eq!(
            found,
            [("sh run", "ls\npwd\n", 2), ("rust", "fn a() {}\n", 7)]
        );
    }
}
