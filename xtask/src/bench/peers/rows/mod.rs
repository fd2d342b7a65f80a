//! The rows: the same work on the same frames for each side.

mod passing;
mod pixels;
mod pictures;
mod whole;

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

pub(super) fn all() -> Vec<Row> {
    let mut rows = passing::rows();
    rows.extend(pixels::rows());
    rows.extend(pictures::rows());
    rows.extend(whole::rows());
    rows
}

/// The same launch line here and in GStreamer.
fn both(with: &str) -> Vec<Side> {
    [Who::Millstream, Who::GStreamer]
        .map(|who| Side::new(who, with))
        .into()
}

/// The same, with the same line taken off.
fn both_without(with: &str, without: &str) -> Vec<Side> {
    let sides = both(with).into_iter();
    sides.map(|side| side.without(without)).collect()
}

/// Reads raw frames of a folder again and again, one file each.
fn frames(folder: &str, format: &str, width: u32, height: u32) -> String {
    format!(
        "multifilesrc location={FRAMES}/{folder}/%02d.raw loop=true stop-index=7 \
         num-buffers={{n}} caps=video/x-raw,format={format},width={width},height={height},framerate=30/1"
    )
}

/// The same for ffmpeg.
fn ffmpeg_frames(folder: &str, format: &str, width: u32, height: u32) -> String {
    let pixels = match format {
        "I420" => "yuv420p",
        "YUY2" => "yuyv422",
        "NV12" => "nv12",
        _ => "rgb24",
    };
    format!(
        "-threads 1 -filter_threads 1 -stream_loop -1 -f rawvideo -pixel_format {pixels} \
         -video_size {width}x{height} -framerate 30 -i {FRAMES}/{folder}/all.raw -frames:v {{n}}"
    )
}
