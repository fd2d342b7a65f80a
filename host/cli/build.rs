//! Puts the elements that were built (`cargo xtask components`) and the model that
//! ships into the binary.
//!
//! `MILLSTREAM_COMPONENTS_DIR` names another folder of components. A folder that is not
//! there makes a binary without elements, which says so.
#![allow(
    clippy::print_stdout,
    reason = "cargo listens to a build script's stdout"
)]
#![allow(
    clippy::format_push_string,
    reason = "a text of a few lines, written once"
)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest as _, Sha256};

const FOLDER: &str = "MILLSTREAM_COMPONENTS_DIR";

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let root = variable("CARGO_MANIFEST_DIR")
        .unwrap_or_default()
        .join("../..");
    let folder = variable(FOLDER).unwrap_or_else(|| root.join("target/components"));
    let model = root.join("models/shapes.onnx");
    println!("cargo::rerun-if-env-changed={FOLDER}");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed={}", model.display());

    // Without a compiler nothing but bundles can run, which bring their own.
    let has_compiler = env::var_os("CARGO_FEATURE_COMPILER").is_some();
    let components = if has_compiler {
        components(&folder)?
    } else {
        Vec::new()
    };

    let mut text = String::from("pub(crate) static CARRIED: &[Carried] = &[\n");
    for (name, path) in components {
        // Known here once, instead of at each start.
        let digest = Sha256::digest(fs::read(&path)?);
        text += &format!(
            "    Carried {{ name: {name:?}, digest: \"{digest:x}\", bytes: include_bytes!({:?}) }},\n",
            path.display().to_string()
        );
    }
    text += "];\npub(crate) static SHAPES: Option<&[u8]> = ";
    text += &if has_compiler && model.is_file() {
        format!(
            "Some(include_bytes!({:?}));\n",
            model.canonicalize()?.display().to_string()
        )
    } else {
        "None;\n".to_owned()
    };
    fs::write(
        variable("OUT_DIR").unwrap_or_default().join("carried.rs"),
        text,
    )
}

/// Names and files of the folder's components, sorted by name.
fn components(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.canonicalize()?)? {
        let path = entry?.path();
        let is_component = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            && is_component
        {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}
