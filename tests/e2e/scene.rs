//! Runs the binary in a folder of its own.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longest run of one pipeline; the slowest takes a tenth of it on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two looks at a process or a file.
const STEP: Duration = Duration::from_millis(5);

/// The repository.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository's folder")
}

/// Whether something that a test needs is missing: says what, and fails in CI.
pub fn lacks(what: &str, is_there: bool) -> bool {
    if !is_there {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "missing in CI: {what}"
        );
        eprintln!("skipped: {what} is missing");
    }
    !is_there
}

/// Whether an element or fixture that a test needs was not built.
pub fn lacks_guests(elements: &[&str], fixtures: &[&str]) -> bool {
    // An element that is still to be written is a stub of some 500 bytes.
    let built = |path: PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 4096);
    let missing = |folder: &str, name: &&&str| !built(guest(folder, name));
    let element = elements.iter().find(|name| missing("components", name));
    let fixture = fixtures.iter().find(|name| missing("fixtures", name));
    element.is_some_and(|name| {
        lacks(
            &format!("element `{name}` (`cargo xtask components`)"),
            false,
        )
    }) || fixture
        .is_some_and(|name| lacks(&format!("fixture `{name}` (`cargo xtask fixtures`)"), false))
}

/// The file of an element or a fixture.
pub fn guest(folder: &str, name: &str) -> PathBuf {
    root()
        .join("target")
        .join(folder)
        .join(format!("{name}.wasm"))
}

/// A folder to run in, gone at the end.
pub struct Scene {
    folder: TempDir,
    cache: PathBuf,
}

impl Scene {
    /// An empty folder. All scenes share compiled code, which tests would otherwise wait for.
    pub fn new() -> Self {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-cache");
        Self {
            folder: TempDir::new().expect("a folder"),
            cache,
        }
    }

    /// With compiled code of its own.
    pub fn with_own_cache() -> Self {
        let scene = Self::new();
        Self {
            cache: scene.path("cache"),
            ..scene
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folder that it is in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        fs::write(path, bytes).expect("writing a file");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("reading `{name}`: {error}"))
    }

    /// Each line of a JSON Lines file but those of what ran, which hold times.
    pub fn json_lines(&self, name: &str) -> Vec<Value> {
        let lines = self.all_json_lines(name).into_iter();
        lines
            .filter(|line| line.get("inference").is_none())
            .collect()
    }

    /// Each line of a JSON Lines file.
    pub fn all_json_lines(&self, name: &str) -> Vec<Value> {
        let text = String::from_utf8(self.read(name)).expect("UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Runs `millstream ARGS` to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        self.start(args).wait()
    }

    /// Runs a launch line on the virtual clock, with statistics, fixtures at hand.
    pub fn launch(&self, line: &str) -> Run {
        self.launch_with(line, &[])
    }

    /// The same with more options.
    pub fn launch_with(&self, line: &str, options: &[&str]) -> Run {
        let mut args = vec!["launch", line, "--stats", "--json", "--clock", "virtual"];
        args.extend(options);
        self.with_fixtures(&args).wait()
    }

    /// Runs a manifest, given its text, on the clock that it names.
    pub fn manifest(&self, text: &str) -> Run {
        self.write("pipeline.toml", text);
        self.with_fixtures(&["run", "pipeline.toml", "--stats", "--json"])
            .wait()
    }

    fn with_fixtures(&self, args: &[&str]) -> Running {
        let fixtures = root().join("target/fixtures");
        let mut args = args.to_vec();
        if fixtures.is_dir() {
            args.extend(["--elements", fixtures.to_str().expect("UTF-8")]);
        }
        self.start(&args)
    }

    /// Starts `millstream ARGS` and does not wait.
    pub fn start(&self, args: &[&str]) -> Running {
        self.start_as(Command::new(env!("CARGO_BIN_EXE_millstream")), args)
    }

    /// The same where no file may have more than so many blocks of 512 bytes.
    pub fn start_limited(&self, args: &[&str], blocks: u32) -> Running {
        let mut command = Command::new("sh");
        let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_millstream")]);
        self.start_as(command, args)
    }

    fn start_as(&self, mut command: Command, args: &[&str]) -> Running {
        let mut child = command
            .args(args)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", &self.cache)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env_remove("MILLSTREAM_CACHE")
            .env_remove("MILLSTREAM_ELEMENT_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting the binary");
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        Running {
            began: Instant::now(),
            child,
            stdout,
            stderr,
            line: args.join(" "),
        }
    }
}

/// Reads a pipe in a thread of its own, so that the process never waits for us.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    let mut pipe = pipe.expect("a pipe");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("reading a pipe");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A process that runs; killed if the test ends first.
pub struct Running {
    began: Instant,
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    line: String,
}

impl Running {
    /// Waits until a file has so many bytes.
    pub fn wait_for_file(&mut self, path: &Path, bytes: u64) {
        let begin = Instant::now();
        while fs::metadata(path).map_or(0, |file| file.len()) < bytes {
            let ended = self.child.try_wait().expect("waiting");
            assert!(
                ended.is_none(),
                "`{}` ended before there was a file: {ended:?}",
                self.line
            );
            assert!(
                begin.elapsed() < LIMIT,
                "`{}` wrote no {}",
                self.line,
                path.display()
            );
            std::thread::sleep(STEP);
        }
    }

    /// Whether it has not run for longer than a run may take.
    pub fn is_young(&self) -> bool {
        self.began.elapsed() < LIMIT
    }

    /// Names of its threads with the numbers of their scheduling policies, as proc(5)
    /// counts the fields of `stat`.
    pub fn threads(&self) -> Vec<(String, u32)> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let stats = tasks.into_iter().flatten().flatten();
        let stats = stats.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let thread = |stat: String| {
            let (start, rest) = stat.rsplit_once(") ")?;
            let policy = rest.split(' ').nth(41 - 3)?.parse().ok()?;
            Some((start.split_once('(')?.1.to_owned(), policy))
        };
        stats.filter_map(thread).collect()
    }

    /// Sends `INT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let done = Command::new("sh").args(["-c", &command]).status();
        assert!(done.expect("a shell").success());
    }

    /// Waits for the end; kills it when it takes too long.
    pub fn wait(mut self) -> Run {
        let begin = Instant::now();
        let mut peak_bytes = 0;
        let status = loop {
            peak_bytes = peak(self.child.id()).unwrap_or(peak_bytes);
            if let Some(status) = self.child.try_wait().expect("waiting") {
                break status;
            }
            if begin.elapsed() > LIMIT {
                self.child.kill().expect("killing");
                self.child.wait().expect("waiting");
                panic!("`{}` did not end in {LIMIT:?}", self.line);
            }
            std::thread::sleep(STEP);
        };
        Run {
            code: status.code(),
            stdout: self.stdout.join().expect("stdout"),
            stderr: self.stderr.join().expect("stderr"),
            line: self.line,
            peak_bytes,
        }
    }
}

/// The most memory that a process has had, while it lives.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// What a run left.
pub struct Run {
    /// None: killed by a signal, which nothing that a guest does may lead to.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The most memory that it had, up to some milliseconds before its end.
    pub peak_bytes: u64,
    line: String,
}

impl Run {
    /// Fails the test unless the exit code is this.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        let (line, out, err) = (&self.line, &self.stdout, &self.stderr);
        let text = || format!("`{line}` exited with {:?}\n{out}\n{err}", self.code);
        assert_eq!(self.code, Some(code), "{}", text());
        assert!(!err.contains("panicked at host"), "{}", text());
        self
    }

    /// Fails the test unless stdout or stderr contains all of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            let said = self.stderr.contains(text) || self.stdout.contains(text);
            assert!(
                said,
                "`{}` did not say `{text}`:\n{}",
                self.line, self.stderr
            );
        }
        self
    }

    /// The last line of stdout: what `--json` says at the end.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let last = self.stdout.lines().last();
        let last = last.unwrap_or_else(|| panic!("`{}` said nothing", self.line));
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error} in `{last}`"))
    }

    /// A counter of an element.
    #[track_caller]
    pub fn count(&self, element: &str, counter: &str) -> u64 {
        let summary = self.summary();
        let stats = summary["elements"]
            .as_array()
            .expect("`elements` in the summary");
        let found = stats.iter().find(|entry| entry["name"] == element);
        let found = found.unwrap_or_else(|| panic!("no `{element}` in {summary:#}"));
        found[counter]
            .as_u64()
            .unwrap_or_else(|| panic!("no `{counter}` in {found:#}"))
    }
}
