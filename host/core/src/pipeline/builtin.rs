//! The host's own elements, as GStreamer has them, and what it does for every
//! source and every sink.

use std::sync::Arc;

use crate::caps::Caps;
use crate::element::{
    Descriptor, Direction, Mutability, PadTemplate, Presence, Property, PropertyKind, Role, Value,
};
use crate::queue::{self, Priority};

const AUTHOR: &str = "Millstream";
/// Each instance costs a thread and its own memory; machines with more processors than
/// this have other streams to run as well.
const MAX_PARALLEL: i64 = 64;

/// Descriptors of `queue`, `tee`, `capsfilter`, `funnel` and `valve`.
pub fn all() -> Vec<Arc<Descriptor>> {
    [queue(), tee(), capsfilter(), funnel(), valve()]
        .into_iter()
        .map(Arc::new)
        .collect()
}

/// The descriptor of one of them.
pub(super) fn descriptor(name: &str) -> Option<Arc<Descriptor>> {
    all().into_iter().find(|descriptor| descriptor.name == name)
}

/// What the host does for an element; a component's own property of the same name wins.
pub fn base_properties(descriptor: &Descriptor) -> Vec<Property> {
    match descriptor.role() {
        Role::Source => source_properties(),
        Role::Sink => sink_properties(descriptor.sync),
        Role::Filter if descriptor.can_be_parallel() => filter_properties(),
        Role::Filter => Vec::new(),
    }
}

fn source_properties() -> Vec<Property> {
    vec![
        property(
            "num-buffers",
            "Number of buffers to output before end of stream (-1 = unlimited)",
            PropertyKind::Integer {
                min: -1,
                max: i64::from(i32::MAX),
            },
            Value::Integer(-1),
        )
        .unit("buffers"),
        property(
            "do-timestamp",
            "Apply the current running time to buffers",
            PropertyKind::Boolean,
            Value::Boolean(false),
        ),
        thread_priority(),
        stats(),
    ]
}

fn sink_properties(sync: bool) -> Vec<Property> {
    vec![
        property(
            "sync",
            "Wait for each buffer's time",
            PropertyKind::Boolean,
            Value::Boolean(sync),
        ),
        max_lateness(),
        property(
            "ts-offset",
            "Offset added to each buffer's time",
            PropertyKind::Integer {
                min: i64::MIN,
                max: i64::MAX,
            },
            Value::Integer(0),
        )
        .unit("ns"),
        stats(),
    ]
}

fn filter_properties() -> Vec<Property> {
    let parallel = property(
        "parallel",
        "Instances that take turns with the buffers, each in its own thread; order is kept",
        PropertyKind::Integer {
            min: 1,
            max: MAX_PARALLEL,
        },
        Value::Integer(1),
    );
    vec![parallel.unit("instances")]
}

fn max_lateness() -> Property {
    property(
        "max-lateness",
        "How late a buffer may be before it is dropped (-1 = unlimited)",
        PropertyKind::Integer {
            min: -1,
            max: i64::MAX,
        },
        Value::Integer(-1),
    )
    .unit("ns")
}

fn thread_priority() -> Property {
    property(
        "thread-priority",
        "How urgent its thread is: as any other, or only when nothing else wants the processor",
        PropertyKind::Choice(Priority::WORDS.map(str::to_owned).into()),
        Value::Text("normal".to_owned()),
    )
}

fn stats() -> Property {
    property(
        "stats",
        "Post statistics on the bus: a sink each second, both at the end",
        PropertyKind::Boolean,
        Value::Boolean(false),
    )
}

fn property(name: &str, description: &str, kind: PropertyKind, default: Value) -> Property {
    Property {
        name: name.to_owned(),
        description: description.to_owned(),
        kind,
        default: Some(default),
        required: false,
        unit: None,
        mutability: Mutability::Construct,
    }
}

impl Property {
    fn unit(self, unit: &str) -> Self {
        Self {
            unit: Some(unit.to_owned()),
            ..self
        }
    }

    fn playing(self) -> Self {
        Self {
            mutability: Mutability::Playing,
            ..self
        }
    }
}

fn pad(name: &str, direction: Direction) -> PadTemplate {
    let presence = if name.contains("%u") {
        Presence::Request
    } else {
        Presence::Always
    };
    PadTemplate {
        name: name.to_owned(),
        direction,
        presence,
        caps: Caps::any(),
        caps_from_data: false,
    }
}

fn element(
    name: &str,
    class: &str,
    description: &str,
    pads: [PadTemplate; 2],
    properties: Vec<Property>,
) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        class: class.to_owned(),
        description: description.to_owned(),
        author: AUTHOR.to_owned(),
        pads: pads.into(),
        properties,
        capabilities: Vec::new(),
        live: false,
        sync: false,
        stateless: false,
    }
}

fn queue() -> Descriptor {
    let limits = queue::Settings::default();
    let integer = |max| PropertyKind::Integer { min: 0, max };
    let value = |number: u64| Value::Integer(number as i64);
    let properties = vec![
        property(
            "max-size-buffers",
            "Most buffers in the queue (0 = no limit)",
            integer(i64::from(u32::MAX)),
            value(limits.max_buffers.into()),
        )
        .unit("buffers"),
        property(
            "max-size-bytes",
            "Most bytes in the queue (0 = no limit)",
            integer(i64::from(u32::MAX)),
            value(limits.max_bytes),
        )
        .unit("bytes"),
        property(
            "max-size-time",
            "Most data in the queue, in time (0 = no limit)",
            integer(i64::MAX),
            value(limits.max_time_nanos),
        )
        .unit("ns"),
        property(
            "leaky",
            "What a full queue drops: nothing, what arrives (upstream), or the oldest (downstream)",
            PropertyKind::Choice(["no", "upstream", "downstream"].map(str::to_owned).into()),
            Value::Text("no".to_owned()),
        ),
        max_lateness(),
        thread_priority(),
    ];
    let pads = [pad("sink", Direction::Sink), pad("src", Direction::Src)];
    element(
        "queue",
        "Generic",
        "Holds data and runs what follows in its own thread",
        pads,
        properties,
    )
}

fn tee() -> Descriptor {
    let pads = [pad("sink", Direction::Sink), pad("src_%u", Direction::Src)];
    element(
        "tee",
        "Generic",
        "Gives each buffer to several branches",
        pads,
        Vec::new(),
    )
}

fn capsfilter() -> Descriptor {
    let caps = property(
        "caps",
        "What may pass",
        PropertyKind::Caps,
        Value::Text("ANY".to_owned()),
    );
    let pads = [pad("sink", Direction::Sink), pad("src", Direction::Src)];
    element(
        "capsfilter",
        "Generic",
        "Passes data on, but limits its caps",
        pads,
        vec![caps],
    )
}

fn funnel() -> Descriptor {
    let pads = [pad("sink_%u", Direction::Sink), pad("src", Direction::Src)];
    element(
        "funnel",
        "Generic",
        "Joins several streams into one",
        pads,
        Vec::new(),
    )
}

/// What hands buffers to instances of one element in turn. Graphs make it, texts do not.
pub(super) fn scatter() -> Descriptor {
    element(
        "scatter",
        "Generic",
        "Gives buffers to instances of one element in turn",
        [pad("sink", Direction::Sink), pad("src_%u", Direction::Src)],
        Vec::new(),
    )
}

/// What brings together what leaves such instances, in order.
pub(super) fn gather() -> Descriptor {
    element(
        "gather",
        "Generic",
        "Brings together what instances of one element made, in order",
        [pad("sink_%u", Direction::Sink), pad("src", Direction::Src)],
        Vec::new(),
    )
}

fn valve() -> Descriptor {
    let drop = property(
        "drop",
        "Whether to drop buffers instead of passing them on",
        PropertyKind::Boolean,
        Value::Boolean(false),
    )
    .playing();
    let pads = [pad("sink", Direction::Sink), pad("src", Direction::Src)];
    element(
        "valve",
        "Filter",
        "Drops data or lets it through",
        pads,
        vec![drop],
    )
}
