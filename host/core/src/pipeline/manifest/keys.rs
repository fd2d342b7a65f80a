//! The keys of a manifest. Parser, errors and JSON Schema all come from here; a lock's
//! keys are made from the same shapes.

/// A key of a table.
pub(in crate::pipeline) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) doc: &'static str,
}

/// What a key's value looks like.
pub(in crate::pipeline) enum Shape {
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number in a range.
    Integer {
        min: i64,
        max: i64,
    },
    /// `"100ms"`
    Time,
    /// `"64MiB"`, or a number of bytes.
    Size,
    /// SHA-256 in hexadecimal.
    Digest,
    /// A list of texts.
    Texts,
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A list of grants.
    Grants,
    /// Properties of an element: texts, numbers, `true` and `false`.
    Properties,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table of tables with these keys; the user chooses the names.
    Named(&'static [Key]),
}

pub(in crate::pipeline) const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        doc,
    }
}

pub(in crate::pipeline) const fn required(
    name: &'static str,
    shape: Shape,
    doc: &'static str,
) -> Key {
    Key {
        name,
        shape,
        required: true,
        doc,
    }
}

pub(super) const BACKENDS: &[&str] = &[
    "auto",
    "embedded",
    "onnxruntime",
    "webgpu",
    "cuda",
    "tensorrt",
    "openvino",
];
pub(super) const PRECISIONS: &[&str] = &["f32", "f16", "bf16"];
const DEVICE: Shape = Shape::Integer { min: 0, max: 255 };
const THREADS: Shape = Shape::Integer { min: 1, max: 1_024 };
const MAX_BATCH: Shape = Shape::Integer { min: 1, max: 256 };
const MAX_BATCH_DOC: &str = "Most frames of several elements in one inference, where the model leaves its first \
                             dimension open (default: 1).";
const MAX_DELAY_DOC: &str =
    "How long an inference waits for others to be joined with (default: 0s).";

/// The whole manifest.
pub(super) static MANIFEST: &[Key] = &[
    required("pipeline", Shape::Table(PIPELINE), "The pipeline."),
    key(
        "elements",
        Shape::Named(ELEMENT),
        "Elements by name; chains use the names.",
    ),
    key(
        "models",
        Shape::Named(MODEL),
        "Models by name; properties of type model use the names.",
    ),
    key(
        "inference",
        Shape::Table(INFERENCE),
        "Settings for all models.",
    ),
];

static PIPELINE: &[Key] = &[
    key("name", Shape::Text, "The pipeline's name, in messages."),
    key(
        "clock",
        Shape::Choice(&["system", "virtual"]),
        "What drives it: the machine's clock, or one that follows the data (default: system).",
    ),
    required(
        "chains",
        Shape::Texts,
        "Launch lines that wire elements by name.",
    ),
];

static ELEMENT: &[Key] = &[
    key(
        "component",
        Shape::Text,
        "Factory name or component file (default: the table's name).",
    ),
    key("properties", Shape::Properties, "The element's properties."),
    key(
        "grants",
        Shape::Grants,
        "What it may use: camera, display, inference, files:DIR[:rw].",
    ),
    key("limits", Shape::Table(LIMITS), "Limits on the component."),
    key(
        "on-failure",
        Shape::Choice(&["stop", "restart", "drop", "stop-branch", "pass-through"]),
        "What happens when it fails: the pipeline stops (default); it is made anew; the buffer is lost; its branch ends and the rest goes on; buffers pass by it.",
    ),
    key(
        "restart",
        Shape::Table(RESTART),
        "How it is made anew, for restart and drop.",
    ),
];

static LIMITS: &[Key] = &[
    key("memory", Shape::Size, "Most memory of its own."),
    key(
        "call-time",
        Shape::Time,
        "Longest time that one call may take.",
    ),
    key(
        "start-time",
        Shape::Time,
        "The same for what it does before data flows: being made and started (default: call-time).",
    ),
    key(
        "held-buffers",
        Shape::Integer { min: 1, max: 4_096 },
        "Most buffers that it keeps in its hands (default: 1024).",
    ),
    key(
        "held-memory",
        Shape::Size,
        "Most memory of the buffers that it keeps (default: 256MiB).",
    ),
    key(
        "log-lines",
        Shape::Integer {
            min: 0,
            max: 10_000,
        },
        "Most lines of log and messages in a second; more are counted (default: 1000).",
    ),
];

static RESTART: &[Key] = &[
    key(
        "max",
        Shape::Integer {
            min: 1,
            max: 1_000_000,
        },
        "Most restarts in the window; with one more `then` happens (default: 5).",
    ),
    key(
        "within",
        Shape::Time,
        "Length of the window (default: 60s).",
    ),
    key(
        "backoff",
        Shape::Time,
        "Wait before the second restart of a window, doubled each time up to 10s; the first is at once (default: 100ms).",
    ),
    key(
        "then",
        Shape::Choice(&["stop", "stop-branch", "pass-through"]),
        "What happens when restarts are used up (default: stop).",
    ),
];

static MODEL: &[Key] = &[
    required(
        "file",
        Shape::Text,
        "The model's file, relative to the manifest.",
    ),
    key("labels", Shape::Text, "File of its labels, one a line."),
    key(
        "backend",
        Shape::Choice(BACKENDS),
        "What runs it (default: as [inference] says).",
    ),
    key("threads", THREADS, "Threads for one inference."),
    key("max-batch", MAX_BATCH, MAX_BATCH_DOC),
    key("max-delay", Shape::Time, MAX_DELAY_DOC),
    key(
        "device",
        DEVICE,
        "Which of the backend's devices, as `millstream backends` counts them (default: as [inference] says).",
    ),
    key(
        "precision",
        Shape::Choice(PRECISIONS),
        "The arithmetic, where the backend can choose (default: as [inference] says).",
    ),
];

static INFERENCE: &[Key] = &[
    key(
        "backend",
        Shape::Choice(BACKENDS),
        "What runs models (default: auto).",
    ),
    key("threads", THREADS, "Threads for one inference."),
    key("max-batch", MAX_BATCH, MAX_BATCH_DOC),
    key("max-delay", Shape::Time, MAX_DELAY_DOC),
    key(
        "device",
        DEVICE,
        "Which of the backend's devices, as `millstream backends` counts them (default: the first GPU with memory of its own, or the first).",
    ),
    key(
        "precision",
        Shape::Choice(PRECISIONS),
        "The arithmetic, where the backend can choose: openvino, tensorrt (default: f32).",
    ),
];
