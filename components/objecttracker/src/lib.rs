//! Gives detections identities that last from frame to frame, in the layer where
//! the detector wrote them.
//!
//! ```text
//! sink ──▶ detections ──▶ [predict, match, remember] ──▶ the same with track ids ──▶ src
//!      └────────────────────── the frame itself, untouched ──────────────────────┘
//! ```
//!
//! `videotestsrc pattern=shapes ! objectdetector ! objecttracker ! detectionoverlay ! videoconvert ! windowsink`

// Edges of boxes.
pub mod bounds;
// Where an object is and how fast it goes.
pub mod kalman;
// The matching with the largest gain.
pub mod assignment;
// Which detections are which objects.
pub mod association;
// Objects from frame to frame.
pub mod tracker;
// Frames between two buffers.
pub mod pace;

use millstream_sdk::bus::post;
use millstream_sdk::context::Segment;
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

use pace::{Pace, Step};
use tracker::{Parameters, Track, Tracker};

/// A jump beyond which a discontinuity is a new scene: longer than a stall of the
/// network, shorter than a change of the camera's place.
const DEFAULT_MAX_GAP_NANOS: u64 = 2_000_000_000;
/// The most detections that the contract allows a layer.
const MOST_DETECTIONS: usize = 4096;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// The layer of detections that get identities.
        layer: String = OBJECTS.to_owned(),
        /// Least confidence of a detection that is matched first, and with every object.
        track_high_thresh: f64 = 0.5 => [range(0.0, 1.0), playing],
        /// Least confidence of a detection that continues an object; none starts one.
        track_low_thresh: f64 = 0.1 => [range(0.0, 1.0), playing],
        /// Least confidence of an object's first detection, if not below `track-high-thresh`.
        new_track_thresh: f64 = 0.6 => [range(0.0, 1.0), playing],
        /// How long an object that is not seen is remembered, in frames of the caps' rate.
        track_buffer: u32 = 30 => [range(0, 100_000), unit("frames"), playing],
        /// Most of 1 - IoU x confidence at which box and object match; higher matches more.
        match_thresh: f64 = 0.8 => [range(0.0, 1.0), playing],
        /// Detections in a row before an object is shown and gets its identity.
        min_hits: u32 = 2 => [range(1, 1000), playing],
        /// Objects may change their class.
        class_agnostic: bool = false => [playing],
        /// For how many frames a lost object is shown where it is expected.
        show_lost: u32 = 0 => [range(0, 100_000), unit("frames"), playing],
        /// Detections that are no object's stay, without identity.
        keep_untracked: bool = false => [playing],
        /// A jump in time beyond this, on a buffer marked as discontinuous, forgets all objects.
        max_gap: u64 = DEFAULT_MAX_GAP_NANOS => [range(0, i64::MAX), unit("ns"), playing],
        /// Posts `track-started` and `track-ended`.
        messages: bool = false => [playing],
    }
}

impl Settings {
    fn parameters(&self) -> Parameters {
        Parameters {
            high: self.track_high_thresh,
            low: self.track_low_thresh,
            new: self.new_track_thresh,
            distance: self.match_thresh,
            buffer: self.track_buffer.into(),
            min_hits: self.min_hits,
            class_agnostic: self.class_agnostic,
        }
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    tracker: tracker::Saved,
    pace: Pace,
    /// Start and base of the segment.
    segment: (u64, u64),
    /// `offset` of the next frame, where frames have one.
    next: Option<u64>,
}

/// The element.
#[derive(Debug)]
pub struct ObjectTracker {
    settings: Settings,
    tracker: Tracker,
    pace: Pace,
    segment: Segment,
    /// `offset` of the next frame, where frames have one.
    next: Option<u64>,
    /// The objects are those of another instance, and no frame has come since.
    taken_over: bool,
}

impl InPlace for ObjectTracker {
    const INFO: Info = Info::new(
        "objecttracker",
        "Filter/Analyzer/Video",
        "Gives detections identities that last from frame to frame",
    );
    const CAPS: &'static str = "video/x-raw";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            tracker: Tracker::new(settings.parameters()),
            settings,
            pace: Pace::default(),
            segment: Segment {
                start: 0,
                stop: None,
                base: 0,
            },
            next: None,
            taken_over: false,
        })
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let rate = caps.first().and_then(|s| s.fraction("framerate"));
        let nanos = rate
            .filter(|rate| rate.numerator > 0)
            .map(|rate| 1e9 * f64::from(rate.denominator) / f64::from(rate.numerator));
        self.pace
            .set_frame_nanos(nanos.map(|nanos| nanos.round() as u64));
        Ok(())
    }

    fn process(&mut self, ctx: &Context, mut buffer: Buffer) -> Flow {
        let timing = buffer.timing();
        let follows = timing.offset.is_some() && timing.offset == self.next;
        if core::mem::take(&mut self.taken_over) && !follows {
            // The instance before may have seen frames, and objects, after its state.
            self.tracker.leave_gap();
        }
        self.next = timing.offset_end;
        let time = self.time(ctx, timing.pts);
        let step = match self.pace.step(&timing, self.settings.max_gap) {
            Step::Frames(frames) => frames,
            Step::Reset => {
                self.tracker.reset();
                self.tell_ended(time);
                1.0
            }
        };
        let mut detections = buffer.detections(&self.settings.layer);
        let known = self.tracker.last_id();
        let ids = self.tracker.update(&detections, step);
        for (detection, id) in detections.iter_mut().zip(ids) {
            detection.track_id = id;
        }
        if !self.settings.keep_untracked {
            detections.retain(|detection| detection.track_id.is_some());
        }
        self.add_lost(&mut detections);
        buffer.set_detections(&self.settings.layer, &detections);
        self.tell_started(known, time);
        self.tell_ended(time);
        Ok(buffer.into())
    }

    fn handle_event(&mut self, ctx: &Context, event: &Event) -> Result<Disposition, Failure> {
        match event {
            Event::Segment(segment) => self.segment = *segment,
            Event::Eos => {
                self.tracker.reset();
                self.tell_ended(Time {
                    pts: None,
                    running: ctx.running_time(),
                });
            }
            Event::Custom(_) => {}
        }
        Ok(Disposition::Forward)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.tracker.parameters = settings.parameters();
        self.settings = settings;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let saved = Saved {
            tracker: self.tracker.save(),
            pace: self.pace,
            segment: (self.segment.start, self.segment.base),
            // Until a frame has come, there can be frames that are missing.
            next: self.next.filter(|_| !self.taken_over),
        };
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        self.tracker.restore(saved.tracker)?;
        self.pace.go_on(saved.pace);
        (self.segment.start, self.segment.base) = saved.segment;
        (self.next, self.taken_over) = (saved.next, true);
        Ok(())
    }
}
element!(ObjectTracker: InPlace);

/// When something happened, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Time {
    pts: Option<u64>,
    running: u64,
}

impl ObjectTracker {
    /// A buffer's time; the clock's where it has none.
    fn time(&self, ctx: &Context, pts: Option<u64>) -> Time {
        let Segment { start, base, .. } = self.segment;
        let running = pts.map(|pts| pts.saturating_sub(start).saturating_add(base));
        Time {
            pts,
            running: running.unwrap_or_else(|| ctx.running_time()),
        }
    }

    /// Shows lost objects where they are expected.
    fn add_lost(&self, detections: &mut Vec<Detection>) {
        let limit = f64::from(self.settings.show_lost);
        let lost = self
            .tracker
            .tracks()
            .filter(|t| t.missed > 0.0 && t.missed <= limit);
        let room = MOST_DETECTIONS.saturating_sub(detections.len());
        detections.extend(lost.take(room).map(|track| Detection {
            track_id: track.id,
            ..Detection::new(
                track.bounds().to_rect(),
                track.class_id,
                track.label.as_str(),
                track.confidence,
            )
        }));
    }

    fn tell_started(&self, known: u64, time: Time) {
        let new = |track: &&Track| track.id.is_some_and(|id| id > known);
        if self.settings.messages && self.tracker.last_id() > known {
            let new = self.tracker.tracks().filter(new);
            new.for_each(|track| self.tell("track-started", track, time));
        }
    }

    fn tell_ended(&self, time: Time) {
        if self.settings.messages {
            let ended = self.tracker.ended().iter();
            ended.for_each(|track| self.tell("track-ended", track, time));
        }
    }

    fn tell(&self, name: &str, track: &Track, time: Time) {
        let integer = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let lived = (track.age - track.missed) * self.pace.frame_nanos() as f64;
        let mut fields = vec![
            ("track", integer(track.id.unwrap_or(0)).into()),
            ("class", track.class_id.into()),
            ("label", track.label.as_str().into()),
            ("running-time", integer(time.running).into()),
            ("hits", track.hits.into()),
            ("seen-nanos", (lived as i64).into()),
        ];
        if let Some(pts) = time.pts {
            fields.push(("pts", integer(pts).into()));
        }
        post(name, &fields);
    }
}
