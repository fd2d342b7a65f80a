//! Where the library onnxruntime may lie, and whether it talks to the Internet.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The variable that turns telemetry off in the libraries that have it; its name
/// in a library's bytes shows that it has.
pub(super) const TELEMETRY_SWITCH: &str = "ORT_DISABLE_TELEMETRY";

/// Largest file that is taken for a library: builds with CUDA have 400 MB.
const MAX_LIBRARY_BYTES: u64 = 2 << 30;

/// All that the search depends on.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// A library, or the folder of one, that the user named. Nothing else counts
    /// then.
    pub(super) named: Option<PathBuf>,
    /// The folder of this executable.
    pub(super) executable: Option<PathBuf>,
    /// Folders in which the system looks for libraries.
    pub(super) system: Vec<PathBuf>,
    /// The user has turned telemetry off.
    pub(super) telemetry_disabled: bool,
}

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Files that exist, best first.
    pub(super) libraries: Vec<PathBuf>,
    /// Every folder and file that was looked at.
    pub(super) searched: Vec<PathBuf>,
}

impl Places {
    pub(super) fn of_this_process() -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let named = variable("MILLSTREAM_ONNXRUNTIME").or_else(|| variable("ORT_DYLIB_PATH"));
        let executable = env::current_exe().ok();
        let mut system: Vec<PathBuf> = variable("LD_LIBRARY_PATH")
            .map(|paths| {
                env::split_paths(&paths)
                    .filter(|path| path.is_absolute())
                    .collect()
            })
            .unwrap_or_default();
        if cfg!(unix) {
            let debian = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
            let folders = ["/usr/local/lib", &debian, "/usr/lib64", "/usr/lib"];
            system.extend(folders.map(PathBuf::from));
        }
        if cfg!(target_os = "macos") {
            system.push("/opt/homebrew/lib".into());
        }
        Self {
            named: named.map(PathBuf::from),
            executable: executable.and_then(|file| file.parent().map(Path::to_owned)),
            system,
            telemetry_disabled: variable(TELEMETRY_SWITCH).is_some_and(|value| value != "0"),
        }
    }

    pub(super) fn candidates(&self) -> Candidates {
        if let Some(named) = &self.named {
            let libraries = if named.is_dir() {
                libraries_in(named)
            } else {
                vec![named.clone()]
            };
            return Candidates {
                libraries,
                searched: vec![named.clone()],
            };
        }
        let mut searched = Vec::new();
        if let Some(folder) = &self.executable {
            searched.push(folder.clone());
            searched.push(folder.join("backends/onnxruntime"));
            // `target/debug`, and `target/debug/deps` for tests.
            for target in folder
                .ancestors()
                .take(4)
                .filter(|folder| is_target(folder))
            {
                searched.push(target.join("backends/onnxruntime"));
            }
        }
        searched.extend(self.system.iter().cloned());
        let libraries = searched
            .iter()
            .flat_map(|folder| libraries_in(folder))
            .collect();
        Candidates {
            libraries,
            searched,
        }
    }
}

/// Whether cargo builds into this folder.
fn is_target(folder: &Path) -> bool {
    folder.ends_with("target") || folder.join("CACHEDIR.TAG").is_file()
}

/// Libraries in a folder: the plain name first, then versions, newest first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_library(name)).collect();
    names.sort_by_key(|name| {
        (
            name.len() > plain_name().len(),
            std::cmp::Reverse(version(name)),
        )
    });
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn plain_name() -> String {
    format!(
        "{}onnxruntime{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    )
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.28.0`, `libonnxruntime.1.28.0.dylib`,
/// `onnxruntime.dll`; not `libonnxruntime_providers_shared.so`.
fn is_library(name: &str) -> bool {
    let plain = plain_name();
    if name == plain {
        return true;
    }
    let stem = plain.trim_end_matches(env::consts::DLL_SUFFIX);
    let rest = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| {
        let part = &env::consts::DLL_SUFFIX.trim_start_matches('.');
        rest.split('.')
            .all(|word| word == *part || word.parse::<u32>().is_ok())
            && rest.split('.').any(|word| word == *part)
    })
}

fn version(name: &str) -> Vec<u32> {
    name.split('.')
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Whether a library contains telemetry: whether its bytes name the switch.
pub(super) fn has_telemetry(path: &Path) -> io::Result<bool> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > MAX_LIBRARY_BYTES {
        return Err(io::Error::other(format!("a library of {bytes} bytes")));
    }
    Ok(contains(&std::fs::read(path)?, TELEMETRY_SWITCH.as_bytes()))
}

/// Horspool's search: most steps pass over the whole length of the needle.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((&last, before)) = needle.split_last() else {
        return true;
    };
    let step = |byte: u8| {
        let behind = before.iter().rev().position(|&other| other == byte);
        behind.map_or(needle.len(), |distance| distance + 1)
    };
    let steps: Vec<usize> = (0..=u8::MAX).map(step).collect();
    let mut end = needle.len();
    while let Some(window) = end
        .checked_sub(needle.len())
        .and_then(|start| bytes.get(start..end))
    {
        if window == needle {
            return true;
        }
        let byte = window.last().copied().unwrap_or(last);
        end += steps.get(usize::from(byte)).copied().unwrap_or(1);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_wherever_it_stands() {
        let needle = TELEMETRY_SWITCH.as_bytes();
        for before in 0..60 {
            let mut bytes = vec![b'E'; before];
            bytes.extend(needle);
            assert!(contains(&bytes, needle), "{before} bytes before it");
            bytes.pop();
            assert!(!contains(&bytes, needle), "{before} bytes before, cut off");
        }
        assert!(!contains(b"", needle));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn libraries_are_told_from_their_neighbours() {
        let check = |name, good| assert_eq!(is_library(name), good, "{name}");
        check("libonnxruntime.so", true);
        check("libonnxruntime.so.1", true);
        check("libonnxruntime.so.1.28.0", true);
        check("libonnxruntime_providers_shared.so", false);
        check("libonnxruntime.so.gz", false);
        check("libonnxruntime.a", false);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn newer_and_nearer_libraries_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let executable = folder.path().join("target/debug");
        let beside_target = folder.path().join("target/backends/onnxruntime");
        let system = folder.path().join("lib");
        for folder in [&executable, &beside_target, &system] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let files = [
            beside_target.join("libonnxruntime.so.1.28.0"),
            beside_target.join("libonnxruntime.so.1.9.2"),
            system.join("libonnxruntime.so"),
        ];
        for file in &files {
            std::fs::write(file, b"").unwrap();
        }
        let mut places = Places {
            executable: Some(executable.clone()),
            system: vec![system],
            ..Places::default()
        };
        let found = places.candidates();
        assert_eq!(found.libraries, files);
        assert!(
            found
                .searched
                .contains(&executable.join("backends/onnxruntime"))
        );

        places.named = Some("/nowhere/libonnxruntime.so".into());
        assert_eq!(
            places.candidates().libraries,
            [PathBuf::from("/nowhere/libonnxruntime.so")]
        );
    }
}
