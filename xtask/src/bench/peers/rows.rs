//! The rows: the same work on the same frames for each side.

use super::line::{FRAMES, Side, Who};

/// A kind of work, and who does it.
#[derive(Debug)]
pub(super) struct Row {
    /// What the command line calls it.
    pub(super) name: String,
    pub(super) what: String,
    /// Ours first.
    pub(super) sides: Vec<Side>,
    /// How long the long run of a turn is, in seconds.
    pub(super) turn: f64,
    /// A start is one run; all else is a difference of runs.
    pub(super) is_start: bool,
}

impl Row {
    fn new(name: impl Into<String>, what: impl Into<String>, sides: Vec<Side>) -> Self {
        Self {
            name: name.into(),
            what: what.into(),
            sides,
            turn: 0.4,
            is_start: false,
        }
    }

    fn turn(mut self, seconds: f64) -> Self {
        self.turn = seconds;
        self
    }
}

/// Elements in the long chains; what they cost is divided by it.
const CHAIN: usize = 20;
const SMALL: &str = "videotestsrc pattern=black num-buffers={n} \
     ! video/x-raw,format=GRAY8,width=8,height=8,framerate=30/1";
const LARGE: &str = "videotestsrc pattern=black num-buffers={n} \
     ! video/x-raw,format=I420,width=640,height=480,framerate=30/1";
const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];

pub(super) fn all() -> Vec<Row> {
    let mut rows = passing();
    rows.extend(converting());
    rows
}

/// The same launch line on both sides.
fn both(with: &str, without: &str, times: usize) -> Vec<Side> {
    [Who::Millstream, Who::GStreamer]
        .map(|who| Side::new(who, with).without(without).times(times))
        .into()
}

fn passing() -> Vec<Row> {
    let chain = |name: &str, element: &str, source: &str, size: &str| {
        let one = format!("{source} ! {element} ! fakesink");
        let many = format!(
            "{source} ! {} fakesink",
            format!("{element} ! ").repeat(CHAIN + 1)
        );
        let what = format!("`{element}`, buffers of {size}");
        Row::new(name, what, both(&many, &one, CHAIN)).turn(0.8)
    };
    vec![
        chain("identity-small", "identity", SMALL, "64 B"),
        chain("identity-large", "identity", LARGE, "460 kB"),
    ]
}

/// Reads frames again and again, one file each.
fn frames(format: &str, width: u32, height: u32) -> String {
    format!(
        "multifilesrc location={FRAMES}/{format}-{width}x{height}/%02d.raw loop=true stop-index=7 \
         num-buffers={{n}} caps=video/x-raw,format={format},width={width},height={height},framerate=30/1"
    )
}

fn ffmpeg_frames(format: &str, width: u32, height: u32) -> String {
    let pixels = match format {
        "I420" => "yuv420p",
        "YUY2" => "yuyv422",
        "NV12" => "nv12",
        _ => "rgb24",
    };
    format!(
        "-threads 1 -filter_threads 1 -stream_loop -1 -f rawvideo -pixel_format {pixels} \
         -video_size {width}x{height} -framerate 30 \
         -i {FRAMES}/{format}-{width}x{height}/all.raw -frames:v {{n}}"
    )
}

fn converting() -> Vec<Row> {
    let mut rows = Vec::new();
    for format in ["I420", "YUY2", "NV12"] {
        for (width, height) in SIZES {
            let source = frames(format, width, height);
            let without = format!("{source} ! fakesink");
            let line = |options: &str| {
                format!("{source} ! videoconvert{options} ! video/x-raw,format=RGB ! fakesink")
            };
            let ffmpeg = ffmpeg_frames(format, width, height);
            let sides = vec![
                Side::new(Who::Millstream, line("")).without(&without),
                Side::new(Who::GStreamer, line(" n-threads=1")).without(&without),
                Side::new(Who::Ffmpeg, format!("{ffmpeg} -vf format=rgb24 -f null -"))
                    .without(format!("{ffmpeg} -f null -")),
                Side::new(Who::OpenCv, format!("convert {format} {width} {height}")),
            ];
            rows.push(Row::new(
                format!("convert-{format}-{width}x{height}"),
                format!("{format} to RGB, {width}x{height}"),
                sides,
            ));
        }
    }
    rows
}
