//! Where the libraries of backends may lie, and whether one talks to the Internet.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The variable that turns telemetry off in the libraries that have it; its name
/// in a library's bytes shows that it has.
pub(super) const TELEMETRY_SWITCH: &str = "ORT_DISABLE_TELEMETRY";

/// Largest file that is taken for a library: builds with CUDA have 400 MB.
const MAX_LIBRARY_BYTES: u64 = 2 << 30;

/// A library that a backend needs.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its name without `lib` and `.so`.
    pub(super) stem: &'static str,
    /// Variables by which users name it or its folder; the first that is set counts.
    pub(super) variables: &'static [&'static str],
    /// Folders below `backends/`, best first.
    pub(super) folders: &'static [&'static str],
}

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
}

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Files that exist, best first.
    pub(super) libraries: Vec<PathBuf>,
    /// Every folder and file that was looked at.
    pub(super) searched: Vec<PathBuf>,
}

/// A variable of the environment, if it is set to something.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether the user has turned telemetry off.
fn telemetry_disabled() -> bool {
    variable(TELEMETRY_SWITCH).is_some_and(|value| value != "0")
}

impl Wanted {
    /// Where it may be, for this process.
    pub(super) fn candidates(&self) -> Candidates {
        let named = self.variables.iter().find_map(|name| variable(name));
        let executable = env::current_exe().ok();
        let places = Places {
            named: named.map(PathBuf::from),
            executable: executable.and_then(|file| file.parent().map(Path::to_owned)),
            system: system_folders(),
        };
        places.candidates(self)
    }
}

impl Places {
    /// The library in the places, nearest first: one that was named, beside the
    /// executable, in cargo's target folder, in the system.
    pub(super) fn candidates(&self, wanted: &Wanted) -> Candidates {
        let stem = wanted.stem;
        if let Some(named) = &self.named {
            let libraries = if named.is_dir() {
                libraries_in(named, stem)
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
            // `target/debug`, and `target/debug/deps` for tests.
            let targets = folder.ancestors().take(4).filter(|it| is_target(it));
            for beside in std::iter::once(&**folder).chain(targets) {
                let names = wanted.folders.iter();
                searched.extend(names.map(|name| beside.join("backends").join(name)));
            }
        }
        searched.extend(self.system.iter().cloned());
        let libraries = searched
            .iter()
            .flat_map(|folder| libraries_in(folder, stem))
            .collect();
        Candidates {
            libraries,
            searched,
        }
    }
}

/// Folders in which the system looks for libraries.
pub(super) fn system_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = variable("LD_LIBRARY_PATH")
        .map(|paths| {
            env::split_paths(&paths)
                .filter(|path| path.is_absolute())
                .collect()
        })
        .unwrap_or_default();
    if cfg!(unix) {
        let debian = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
        let more = ["/usr/local/lib", &debian, "/usr/lib64", "/usr/lib"];
        folders.extend(more.map(PathBuf::from));
    }
    if cfg!(target_os = "macos") {
        folders.push("/opt/homebrew/lib".into());
    }
    folders
}

/// Whether cargo builds into this folder.
fn is_target(folder: &Path) -> bool {
    folder.ends_with("target") || folder.join("CACHEDIR.TAG").is_file()
}

/// Libraries in a folder: the plain name first, then versions, newest first.
pub(super) fn libraries_in(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_library(name, stem)).collect();
    let plain = plain_name(stem);
    names.sort_by_key(|name| (name.len() > plain.len(), std::cmp::Reverse(version(name))));
    names.into_iter().map(|name| folder.join(name)).collect()
}

pub(super) fn plain_name(stem: &str) -> String {
    format!(
        "{}{stem}{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    )
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.28.0`, `libonnxruntime.1.28.0.dylib`,
/// `onnxruntime.dll`; not `libonnxruntime_providers_shared.so`.
fn is_library(name: &str, stem: &str) -> bool {
    let plain = plain_name(stem);
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

/// Refuses a library whose telemetry the user has not turned off.
pub(super) fn check_telemetry(path: &Path) -> Result<(), String> {
    if telemetry_disabled() || !has_telemetry(path).map_err(|error| error.to_string())? {
        return Ok(());
    }
    Err(format!(
        "it contains telemetry, which only `{TELEMETRY_SWITCH}=1` turns off"
    ))
}

/// What to do about libraries that were refused.
pub(super) fn hint(refused: &str, hint: &str) -> String {
    if refused.contains(TELEMETRY_SWITCH) {
        format!("run with `{TELEMETRY_SWITCH}=1`, or take one without: {hint}")
    } else {
        hint.to_owned()
    }
}

/// Paths for a message.
pub(super) fn joined(paths: &[PathBuf]) -> String {
    let quoted: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    quoted.join(", ")
}

/// Whether a library contains telemetry: whether its bytes name the switch.
fn has_telemetry(path: &Path) -> io::Result<bool> {
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
        let check = |name, good| assert_eq!(is_library(name, "onnxruntime"), good, "{name}");
        check("libonnxruntime.so", true);
        check("libonnxruntime.so.1", true);
        check("libonnxruntime.so.1.28.0", true);
        check("libonnxruntime_providers_shared.so", false);
        check("libonnxruntime.so.gz", false);
        check("libonnxruntime.a", false);
        assert!(is_library("libopenvino_c.so.2641", "openvino_c"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn newer_and_nearer_libraries_come_first() {
        let wanted = Wanted {
            stem: "onnxruntime",
            variables: &[],
            folders: &["cuda", "onnxruntime"],
        };
        let folder = tempfile::tempdir().unwrap();
        let executable = folder.path().join("target/debug");
        let beside_target = folder.path().join("target/backends/onnxruntime");
        let cuda = folder.path().join("target/backends/cuda");
        let system = folder.path().join("lib");
        for folder in [&executable, &beside_target, &cuda, &system] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let files = [
            cuda.join("libonnxruntime.so.1.20.0"),
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
        let found = places.candidates(&wanted);
        assert_eq!(found.libraries, files);
        assert!(
            found
                .searched
                .contains(&executable.join("backends/onnxruntime"))
        );

        places.named = Some("/nowhere/libonnxruntime.so".into());
        assert_eq!(
            places.candidates(&wanted).libraries,
            [PathBuf::from("/nowhere/libonnxruntime.so")]
        );
    }

    #[test]
    fn telemetry_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let check = |bytes: &[u8], expected: bool| {
            let file = folder.path().join("library");
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(has_telemetry(&file).unwrap(), expected);
        };
        check(b"\0\x01ORT_DISABLE_TELEMETRY\0", true);
        check(b"\0\x01ORT_DISABLE_SOMETHING\0", false);
    }
}
