//! Counts tracked objects: who crosses lines, which way, and who is in zones, for
//! how long.
//!
//! ```text
//! sink ──▶ detections with track ids ──▶ [lines, zones] ──▶ meta `analytics` ──▶ src
//!      │                                        └──▶ messages to the application
//!      └─────────────────── the frame itself, untouched ────────────────────────┘
//! ```
//!
//! Directions are those of who walks along a line from its first point to its
//! second; on the screen y grows downwards:
//!
//! ```text
//!                ▲  in: to the left hand            from
//!                │                                   │
//!    from ───────┼───────▶ to               out ◀────┼────▶ in
//!                │                                   │
//!                ▼  out: to the right hand           ▼ to
//! ```
//!
//! `… ! objectdetector ! objecttracker ! objectanalytics lines="middle:320,0,320,480" ! …`

// Sides, crossings, insides.
pub mod geometry;
// Lines and zones as text.
pub mod shapes;
// One object at one line or zone.
pub mod watch;
// All objects.
pub mod counter;

use millstream_sdk::analytics::{Analytics, Line, Zone};
use millstream_sdk::bus::{Value, post};
use millstream_sdk::context::Segment;
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

use counter::{Counter, Seen, What};
use geometry::Point;
use shapes::{Kind, Scale, Shape};
use watch::{Passage, Patience, Way};

/// A frame's time where neither timestamps nor caps say one: 30 frames a second.
const DEFAULT_FRAME_NANOS: u64 = 1_000_000_000 / 30;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;
/// The widest and highest frame, so that the meta can be written.
const CAPS: &str = "video/x-raw, width=(int)[ 1, 16384 ], height=(int)[ 1, 16384 ]";

choices! {
    /// Which point of its box an object stands at.
    pub enum Anchor {
        /// The middle of the lower edge: the feet.
        Bottom = "bottom",
        /// The middle.
        Center = "center",
        /// The middle of the upper edge.
        Top = "top",
        /// The middle of the left edge.
        Left = "left",
        /// The middle of the right edge.
        Right = "right",
        /// The upper left corner.
        TopLeft = "top-left",
        /// The upper right corner.
        TopRight = "top-right",
        /// The lower left corner.
        BottomLeft = "bottom-left",
        /// The lower right corner.
        BottomRight = "bottom-right",
    }
}

choices! {
    /// What numbers in `lines` and `zones` are.
    pub enum Units {
        /// Pixels of the frame.
        Pixels = "pixels",
        /// Shares of the frame's width and height, 0 to 1.
        Relative = "relative",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Lines, each `name:x1,y1,x2,y2`, with `;` between them.
        lines: String,
        /// Areas, each `name:x1,y1,x2,y2,x3,y3,...`, with `;` between them.
        zones: String,
        /// What the numbers of `lines` and `zones` are.
        units: Units = Units::Pixels,
        /// Which point of its box an object stands at.
        anchor: Anchor = Anchor::Bottom,
        /// Labels or numbers of the classes that count, with `,` between them; all if empty.
        classes: String => [playing],
        /// The layer of detections that are counted.
        layer: String = OBJECTS.to_owned(),
        /// Frames on the other side of a line or edge before that counts.
        min_frames: u32 = 2 => [range(1, 1000), unit("frames"), playing],
        /// How far beyond a line, or outside of a zone, that is: a share of the box's height.
        margin: f64 = 0.05 => [range(0.0, 10.0), playing],
        /// Frames after which an object that is not seen has left its zones.
        lost_after: u32 = 30 => [range(0, 100_000), unit("frames"), playing],
        /// Posts `line-crossed`, `zone-entered` and `zone-left`.
        messages: bool = true => [playing],
        /// Posts a `zone-count` for each zone this often; 0 for never.
        count_interval: u64 = 0 => [range(0, i64::MAX), unit("ns"), playing],
    }
}

impl Anchor {
    /// The point of a box; none if it is not finite or outside of all frames.
    fn of(self, rect: Rect) -> Option<Point> {
        let (across, down) = match self {
            Self::Bottom => (0.5, 1.0),
            Self::Center => (0.5, 0.5),
            Self::Top => (0.5, 0.0),
            Self::Left => (0.0, 0.5),
            Self::Right => (1.0, 0.5),
            Self::TopLeft => (0.0, 0.0),
            Self::TopRight => (1.0, 0.0),
            Self::BottomLeft => (0.0, 1.0),
            Self::BottomRight => (1.0, 1.0),
        };
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(f64::from);
        Point::from_px(x + width * across, y + height * down)
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    counter: counter::Saved,
    last: Option<u64>,
    next_count: Option<u64>,
    /// Start and base of the segment.
    segment: (u64, u64),
}

/// The element.
#[derive(Debug)]
pub struct ObjectAnalytics {
    settings: Settings,
    lines: Vec<Shape>,
    zones: Vec<Shape>,
    classes: Vec<String>,
    counter: Option<Counter>,
    segment: Segment,
    frame_nanos: u64,
    /// Time of the last frame, in nanoseconds.
    last: Option<u64>,
    /// When counts are told next.
    next_count: Option<u64>,
}

impl InPlace for ObjectAnalytics {
    const INFO: Info = Info::new(
        "objectanalytics",
        "Filter/Analyzer/Video",
        "Counts tracked objects at lines and in zones",
    );
    const CAPS: &'static str = CAPS;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        let scale = match settings.units {
            Units::Pixels => Scale::Pixels,
            Units::Relative => Scale::Relative,
        };
        Ok(Self {
            lines: shapes::read(&settings.lines, Kind::Lines, scale)?,
            zones: shapes::read(&settings.zones, Kind::Zones, scale)?,
            classes: classes(&settings.classes),
            settings,
            counter: None,
            segment: Segment {
                start: 0,
                stop: None,
                base: 0,
            },
            frame_nanos: DEFAULT_FRAME_NANOS,
            last: None,
            next_count: None,
        })
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let structure = caps.first();
        let size = |name| {
            structure
                .and_then(|s| s.int(name))
                .and_then(|v| u32::try_from(v).ok())
        };
        let (Some(width), Some(height)) = (size("width"), size("height")) else {
            let message = format!("no fixed `width` and `height` in caps `{caps}`");
            return Err(Failure::not_negotiated(message));
        };
        let rate = structure.and_then(|s| s.fraction("framerate"));
        if let Some(rate) = rate.filter(|rate| rate.numerator > 0) {
            let seconds = f64::from(rate.denominator) / f64::from(rate.numerator);
            self.frame_nanos = (seconds * 1e9).round() as u64;
        }
        // Counts go on where the size stays.
        let same = |counter: &Counter| {
            (counter.counted().width, counter.counted().height) == (width, height)
        };
        if !self.counter.as_ref().is_some_and(same) {
            self.counter = Some(Counter::new(self.shapes(width, height)));
        }
        Ok(())
    }

    fn process(&mut self, ctx: &Context, mut buffer: Buffer) -> Flow {
        let pts = buffer.pts();
        let next = self
            .last
            .map_or(0, |last| last.saturating_add(self.frame_nanos));
        let now = pts.unwrap_or(next);
        self.last = Some(now);
        let detections = buffer.detections(&self.settings.layer);
        let Self {
            settings,
            classes,
            counter,
            ..
        } = self;
        let counter = counter.as_mut();
        let counter = counter.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let seen = detections
            .iter()
            .filter(|d| is_counted(classes, d))
            .filter_map(|detection| {
                Some(Seen {
                    track: detection.track_id?,
                    at: settings.anchor.of(detection.rect)?,
                    patience: Patience {
                        frames: settings.min_frames,
                        margin_px: settings.margin * f64::from(detection.rect.height),
                    },
                    detection,
                })
            });
        counter.update(seen, now, settings.lost_after);
        counter.counted().attach(&mut buffer)?;
        self.tell(ctx, pts, now);
        Ok(buffer.into())
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        if let Event::Segment(segment) = event {
            self.segment = *segment;
        }
        Ok(Disposition::Forward)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.classes = classes(&settings.classes);
        self.settings = settings;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let counter = self.counter.as_ref().map(Counter::save);
        let mut saved = Saved {
            counter: counter.unwrap_or_default(),
            last: self.last,
            next_count: self.next_count,
            segment: (self.segment.start, self.segment.base),
        };
        loop {
            let bytes = state::to_bytes(STATE_VERSION, &saved)?;
            if bytes.len() <= state::MAX_BYTES || !saved.counter.shrink() {
                return Some(bytes);
            }
        }
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        let counter = self.counter.as_mut();
        let counter = counter.ok_or_else(|| Failure::not_negotiated("state came before caps"))?;
        counter.restore(saved.counter)?;
        (self.last, self.next_count) = (saved.last, saved.next_count);
        (self.segment.start, self.segment.base) = saved.segment;
        Ok(())
    }
}
element!(ObjectAnalytics: InPlace);

/// The names in a list; empty for all.
fn classes(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_counted(classes: &[String], detection: &Detection) -> bool {
    let is_named =
        |name: &String| *name == detection.label || name.parse() == Ok(detection.class_id);
    classes.is_empty() || classes.iter().any(is_named)
}

impl ObjectAnalytics {
    /// Lines and zones in pixels of a frame of this size.
    fn shapes(&self, width: u32, height: u32) -> Analytics {
        let [across, down] = match self.settings.units {
            Units::Pixels => [1.0, 1.0],
            Units::Relative => [width, height].map(f64::from),
        };
        let place = |[x, y]: &[f64; 2]| [(x * across) as f32, (y * down) as f32];
        let mut counted = Analytics::new(width, height);
        for Shape { name, points } in &self.lines {
            if let [from, to] = points.as_slice() {
                counted.lines.push(Line::new(name, place(from), place(to)));
            }
        }
        for Shape { name, points } in &self.zones {
            let corners = points.iter().map(place).collect();
            counted.zones.push(Zone::new(name, corners));
        }
        counted
    }

    /// Tells the application what happened in the frame at `now`.
    fn tell(&mut self, ctx: &Context, pts: Option<u64>, now: u64) {
        let Some(counter) = &self.counter else {
            return;
        };
        let Segment { start, base, .. } = self.segment;
        let running = pts.map(|pts| pts.saturating_sub(start).saturating_add(base));
        let mut times = vec![(
            "running-time",
            integer(running.unwrap_or_else(|| ctx.running_time())),
        )];
        times.extend(pts.map(|pts| ("pts", integer(pts))));
        if self.settings.messages {
            for event in counter.events() {
                let (name, mut fields) = describe(event, counter.counted());
                fields.extend_from_slice(&times);
                post(name, &fields);
            }
        }
        let interval = self.settings.count_interval;
        let is_due = self
            .next_count
            .is_none_or(|next| now >= next || next - now > interval);
        if interval > 0 && is_due {
            self.next_count = Some(now.saturating_add(interval));
            for zone in &counter.counted().zones {
                let mut fields = vec![
                    ("zone", zone.name.as_str().into()),
                    ("count", zone.count.into()),
                    ("entered", integer(zone.entered)),
                    ("left", integer(zone.left)),
                ];
                fields.extend_from_slice(&times);
                post("zone-count", &fields);
            }
        }
    }
}

type Fields = Vec<(&'static str, Value)>;

/// A message's name and what it says, but for the time.
fn describe(event: &counter::Event, counted: &Analytics) -> (&'static str, Fields) {
    let line = |index| {
        counted
            .lines
            .get(index)
            .map_or("", |line: &Line| line.name.as_str())
    };
    let zone = |index| {
        counted
            .zones
            .get(index)
            .map_or("", |zone: &Zone| zone.name.as_str())
    };
    let (name, mut fields): (_, Fields) = match event.what {
        What::Crossed { line: index, way } => {
            let direction = match way {
                Way::In => "in",
                Way::Out => "out",
            };
            let fields = vec![
                ("line", line(index).into()),
                ("direction", direction.into()),
            ];
            ("line-crossed", fields)
        }
        What::Passed {
            zone: index,
            passage,
            count,
        } => {
            let mut fields = vec![("zone", zone(index).into()), ("count", count.into())];
            match passage {
                Passage::Entered => ("zone-entered", fields),
                Passage::Left(nanos) => {
                    fields.push(("dwell-nanos", integer(nanos)));
                    ("zone-left", fields)
                }
            }
        }
    };
    fields.extend([
        ("track", integer(event.track)),
        ("class", event.class_id.into()),
        ("label", event.label.as_str().into()),
    ]);
    (name, fields)
}

/// As messages have them; what is beyond is the largest.
fn integer(value: u64) -> Value {
    Value::from(i64::try_from(value).unwrap_or(i64::MAX))
}
