//! The command line's grammar and its help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use millstream_core::pipeline::Grant;
use millstream_runtime::{BackendChoice, Precision, Trust};

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or ended cleanly on SIGINT or SIGTERM
  1  a pipeline failed while it ran, or was stopped by a second signal
  2  what you wrote is wrong: arguments, launch line, manifest, caps, links, grants; nothing has run

stdout is data, stderr is talk. There is no colour.

Environment:
  MILLSTREAM_ELEMENT_PATH  folders of elements (NAME.wasm), divided by colons
  MILLSTREAM_CACHE         where compiled elements are kept (default: ~/.cache/millstream)";

const EXAMPLES: &str = "\
Examples:
  millstream launch \"videotestsrc num-buffers=100 ! videoconvert ! fakesink\" --stats
  millstream run detect.toml
  millstream inspect videotestsrc";

const LAUNCH_EXAMPLES: &str = "\
Examples:
  millstream launch \"videotestsrc num-buffers=300 ! video/x-raw,width=640,height=480 ! fakesink\" --stats
  millstream launch videotestsrc num-buffers=30 ! y4menc ! filesink location=out.y4m
  millstream launch \"videotestsrc ! tee name=t  t. ! queue ! fakesink  t. ! queue ! fakesink\"

Elements that this binary carries are granted what they declare, and each element the folders of the \
files that its properties name. Others need --grant.
The first SIGINT or SIGTERM ends the streams and finishes files, the second stops at once.";

const RUN_EXAMPLES: &str = "\
Examples:
  millstream run detect.toml --stats
  millstream run detect.toml --backend embedded --threads 2 --json > messages.jsonl

Relative file names in a manifest start from the manifest's folder.
If `detect.lock` lies beside `detect.toml`, components that have changed are told, and those that want more \
than when it was written do not run; with --locked nothing runs but what it says.
The first SIGINT or SIGTERM ends the streams and finishes files, the second stops at once.";

#[cfg(feature = "compiler")]
const COMPILE_EXAMPLES: &str = "\
Examples:
  millstream compile detect.toml -o detect.bundle
  millstream compile --line \"videotestsrc ! videoconvert ! fakesink\" -o test.bundle --cpu x86-64-v3
  millstream run detect.bundle --trust-compiled=SHA256

A bundle holds the pipeline's text, its components with their machine code, and its models: all that it needs \
but the media, whose relative names start from the bundle's folder. It is a tar file.
Machine code can do all that a program can. `run` uses it if told to with --trust-compiled, best with the \
SHA-256 that `compile` prints; otherwise it compiles the components inside, which are sandboxed as ever.";

const LOCK_EXAMPLES: &str = "\
Examples:
  millstream lock detect.toml
  millstream lock detect.toml --accept objectdetector

Writes `detect.lock` beside `detect.toml`: the SHA-256 of each component, of each model and its labels, and \
what each component declares and imports. A component that wants more than in the lock before is refused \
unless --accept names it, as the manifest does; look at it with `millstream audit` first.";

const CHECK_EXAMPLES: &str = "\
Examples:
  millstream check detect.toml
  millstream check --line \"videotestsrc ! video/x-raw,format=I420 ! fakesink\"";

const INSPECT_EXAMPLES: &str = "\
Examples:
  millstream inspect
  millstream inspect videotestsrc
  millstream inspect ./my-element.wasm --json
  millstream inspect ./my-model.onnx --backend onnxruntime";

const CAPS_EXAMPLES: &str = "\
Examples:
  millstream caps intersect \"video/x-raw, width=[1, 640]\" \"video/x-raw, width=[320, 1920]\"
  millstream caps subset \"video/x-raw, format=I420\" video/x-raw
  millstream caps fixate \"video/x-raw, format={I420, NV12}\"

Caps go to stdout in GStreamer's syntax, questions are answered with `true` or `false`; both are exit \
code 0.";

const GRAPH_EXAMPLES: &str = "\
Examples:
  millstream graph detect.toml --svg -o detect.svg
  millstream graph --line \"videotestsrc ! tee name=t  t. ! queue ! fakesink  t. ! fakesink\" | dot -Tpng -o t.png";

const CTL_EXAMPLES: &str = "\
Examples:
  millstream ctl list
  millstream ctl stats --json
  millstream ctl set-property videotestsrc0 pattern ball
  millstream ctl swap negate ./videonegate.wasm --trial 5s
  millstream ctl --socket /run/camera.sock eos

The pipeline must have been started with --control. Without --socket the only one that runs is meant.
Exit codes: 0 done, 1 it was tried and failed, 2 what you wrote is wrong.";

/// Runs live media and machine-learning pipelines whose elements are sandboxed
/// WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, arg_required_else_help = true)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline from a launch line
    #[command(after_help = LAUNCH_EXAMPLES)]
    Launch(LaunchArgs),
    /// Run a pipeline from a manifest or a bundle
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Put a pipeline with all that it is made from into one file, compiled ahead of time
    #[cfg(feature = "compiler")]
    #[command(after_help = COMPILE_EXAMPLES)]
    Compile(CompileArgs),
    /// Check a pipeline and print what each link carries, without running it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// List all elements, or describe one
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Calculate with caps
    #[command(after_help = CAPS_EXAMPLES)]
    Caps(CapsArgs),
    /// Look after a running pipeline: counters, properties, pause, another component
    #[command(after_help = CTL_EXAMPLES)]
    Ctl(CtlArgs),
    /// Draw a pipeline with its negotiated caps, as DOT or SVG
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph(GraphArgs),
    /// Tell which element may do what, and why
    Audit(AuditArgs),
    /// Write down the digests of a manifest's components and models, for `run --locked`
    #[command(after_help = LOCK_EXAMPLES)]
    Lock(LockArgs),
    /// Tell what can run models here, and why the rest cannot
    Backends(BackendsArgs),
    /// List the cameras and what each can send
    Devices(DevicesArgs),
    /// Print the JSON Schema of manifests
    Schema,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LaunchArgs {
    /// The launch line; several words are joined
    #[arg(required = true, value_name = "LINE")]
    pub(crate) line: Vec<String>,
    #[command(flatten)]
    pub(crate) play: PlayArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The manifest, or a bundle of `millstream compile`
    pub(crate) manifest: PathBuf,
    /// Run nothing but what the manifest's lock says; a bundle's own always counts
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) play: PlayArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

/// Whose machine code may run.
#[derive(Debug, ClapArgs)]
pub(crate) struct TrustArgs {
    /// Let the machine code in a bundle run, as a program may; with its SHA-256 in that very file only
    // With `=`, as for `--control`.
    #[arg(long, value_name = "SHA256", num_args = 0..=1, require_equals = true, value_parser = digest_from_text)]
    #[expect(
        clippy::option_option,
        reason = "clap: absent, without a value, with one"
    )]
    trust_compiled: Option<Option<String>>,
}

impl TrustArgs {
    pub(crate) fn trust(&self) -> Trust {
        match &self.trust_compiled {
            None => Trust::Nothing,
            Some(None) => Trust::File,
            Some(Some(digest)) => Trust::Digest(digest.clone()),
        }
    }
}

/// How to play.
#[derive(Debug, ClapArgs)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "flags of a command line are bools"
)]
pub(crate) struct PlayArgs {
    /// Print what every element did, on stderr at the end
    #[arg(long)]
    pub(crate) stats: bool,
    /// Print messages, and a summary at the end, as JSON on stdout, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Let `millstream ctl` look after the pipeline, over a socket of mode 0600 (default: `PID.sock` in `$XDG_RUNTIME_DIR/millstream` or `/tmp/millstream-UID`)
    // With `=`, since a launch line follows.
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    #[expect(
        clippy::option_option,
        reason = "clap: absent, without a value, with one"
    )]
    pub(crate) control: Option<Option<PathBuf>>,
    /// Copy frames into elements instead of mapping them
    #[arg(long)]
    pub(crate) no_views: bool,
    /// What drives the pipeline; `virtual` is as fast as possible and repeatable (default: as the manifest says, or system)
    #[arg(long, value_enum)]
    pub(crate) clock: Option<Clock>,
    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print more of what elements log; up to three times
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

/// A clock that can be asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Clock {
    /// The machine's clock
    System,
    /// A clock that follows the data
    Virtual,
}

/// What a pipeline is made from.
#[derive(Debug, ClapArgs)]
pub(crate) struct SetupArgs {
    /// Allow an element something: camera, display, inference, files:DIR, files:DIR:rw
    #[arg(long = "grant", value_name = "NAME=CAPABILITY", value_parser = grant_from_text)]
    pub(crate) grants: Vec<(String, Grant)>,
    #[command(flatten)]
    pub(crate) inference: InferenceArgs,
    #[command(flatten)]
    pub(crate) elements: ElementArgs,
}

/// What runs models, and how.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct InferenceArgs {
    /// What runs models: auto, embedded, onnxruntime, webgpu, cuda, tensorrt, openvino (default: as the manifest says, or auto)
    #[arg(long)]
    pub(crate) backend: Option<BackendChoice>,
    /// Which of the backend's devices, as `millstream backends` counts them (default: the first GPU with memory of its own, or the first)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=255))]
    pub(crate) device: Option<u32>,
    /// The arithmetic, where the backend can choose: f32, f16, bf16 (default: f32)
    #[arg(long)]
    pub(crate) precision: Option<Precision>,
    /// Threads for one inference (default: as many as there are cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Most frames of several elements in one inference, where the model leaves its first dimension open (default: 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) max_batch: Option<u32>,
    /// How long an inference waits for others to be joined with, such as 2ms (default: 0s)
    #[arg(long, value_name = "TIME", value_parser = time_from_text)]
    pub(crate) max_delay: Option<Duration>,
}

/// Where elements come from.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ElementArgs {
    /// Folder of elements (NAME.wasm), before the ones that the binary carries
    #[arg(long = "elements", value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
}

/// Which pipeline.
#[derive(Debug, ClapArgs)]
pub(crate) struct TextArgs {
    /// The manifest, or a bundle of `millstream compile`
    #[arg(required_unless_present = "line", conflicts_with = "line")]
    pub(crate) manifest: Option<PathBuf>,
    /// A launch line instead of a manifest
    #[arg(long)]
    pub(crate) line: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[cfg(feature = "compiler")]
#[derive(Debug, ClapArgs)]
pub(crate) struct CompileArgs {
    /// The manifest
    #[arg(required_unless_present = "line", conflicts_with = "line")]
    pub(crate) manifest: Option<PathBuf>,
    /// A launch line instead of a manifest
    #[arg(long)]
    pub(crate) line: Option<String>,
    /// Write the bundle to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// For which processors: native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4
    #[arg(long, default_value_t)]
    pub(crate) cpu: millstream_runtime::Cpu,
    #[command(flatten)]
    pub(crate) elements: ElementArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Fail if anything is not as the manifest's lock says
    #[arg(long, conflicts_with = "line")]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LockArgs {
    /// The manifest
    pub(crate) manifest: PathBuf,
    /// Let a component have more than it had when the lock was written
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) accept: Vec<String>,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Draw a picture instead of writing DOT
    #[arg(long)]
    pub(crate) svg: bool,
    /// Write to a file; `.svg` at its end means --svg
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CtlArgs {
    /// The socket of the pipeline (default: that of the only one that runs)
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: CtlCommand,
}

/// What a running pipeline can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// List the elements with state, links and properties
    List,
    /// Tell what every element has done so far
    Stats,
    /// Set a property that may be set while the element plays
    SetProperty {
        /// Name of the element
        element: String,
        /// Name of the property
        name: String,
        /// Its value, as a launch line writes it
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Hold the sources
    Pause,
    /// Let the sources go on
    Resume,
    /// End the streams and finish files
    Eos,
    /// Put another component into an element's place, while data flows
    Swap(SwapArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SwapArgs {
    /// Name of the element
    pub(crate) element: String,
    /// The new component
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,
    /// If it fails within this time the old one comes back (default: 1s)
    #[arg(long, value_name = "TIME", value_parser = time_from_text)]
    pub(crate) trial: Option<Duration>,
    /// Do not hand over what the old one remembers
    #[arg(long)]
    pub(crate) fresh: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct InspectArgs {
    /// Name of the element, a component's file, or a model's (NAME.onnx)
    pub(crate) element: Option<String>,
    /// Print JSON: an object, or one object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the table of elements that README.md has
    #[arg(long, hide = true, conflicts_with_all = ["element", "json"])]
    pub(crate) markdown: bool,
    #[command(flatten)]
    pub(crate) inference: InferenceArgs,
    #[command(flatten)]
    pub(crate) elements: ElementArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BackendsArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DevicesArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CapsArgs {
    /// What to calculate
    #[arg(value_enum)]
    pub(crate) operation: CapsOperation,
    /// Caps in GStreamer's syntax
    pub(crate) a: String,
    /// More caps, where the operation takes two
    pub(crate) b: Option<String>,
}

/// What can be calculated with caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CapsOperation {
    /// What both allow, the preferences of both mixed
    Intersect,
    /// What both allow, in A's order of preference
    IntersectFirst,
    /// Whether both allow something
    CanIntersect,
    /// Whether B allows all that A allows
    Subset,
    /// Whether both allow the same
    Equal,
    /// What either allows
    Union,
    /// The same in fewer structures
    Simplify,
    /// One format of those that A allows
    Fixate,
}

/// Reads a SHA-256.
fn digest_from_text(text: &str) -> Result<String, String> {
    let digest = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digest = digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit());
    is_digest
        .then(|| digest.to_ascii_lowercase())
        .ok_or_else(|| "expected 64 hexadecimal digits".to_owned())
}

/// Reads `2ms`.
fn time_from_text(text: &str) -> Result<Duration, String> {
    let nanos = millstream_core::clock::parse_time(text);
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| "expected a time such as 2ms or 1s".to_owned())
}

/// Reads `NAME=CAPABILITY`.
fn grant_from_text(text: &str) -> Result<(String, Grant), String> {
    let expected = "expected NAME=CAPABILITY with one of camera, display, inference, files:DIR, \
                    files:DIR:rw";
    let (name, capability) = text.split_once('=').ok_or(expected)?;
    let grant = match capability {
        "camera" => Grant::Camera,
        "display" => Grant::Display,
        "inference" => Grant::Inference,
        _ => {
            let dir = capability.strip_prefix("files:").ok_or(expected)?;
            let (dir, write) = dir
                .strip_suffix(":rw")
                .map_or((dir, false), |dir| (dir, true));
            if dir.is_empty() {
                return Err(expected.to_owned());
            }
            Grant::Files {
                dir: dir.to_owned(),
                write,
            }
        }
    };
    if name.is_empty() {
        return Err(expected.to_owned());
    }
    Ok((name.to_owned(), grant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn grants_are_read() {
        let files = |dir: &str, write| Grant::Files {
            dir: dir.to_owned(),
            write,
        };
        for (text, expected) in [
            ("cam=camera", Some(("cam", Grant::Camera))),
            ("w=display", Some(("w", Grant::Display))),
            ("d=inference", Some(("d", Grant::Inference))),
            ("f=files:clips", Some(("f", files("clips", false)))),
            ("f=files:/a b:rw", Some(("f", files("/a b", true)))),
            ("f=files:", None),
            ("f=files::rw", None),
            ("=camera", None),
            ("camera", None),
            ("f=net:example.org", None),
        ] {
            let expected = expected.map(|(name, grant)| (name.to_owned(), grant));
            assert_eq!(grant_from_text(text).ok(), expected, "{text}");
        }
    }
}
