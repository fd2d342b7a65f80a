//! What is known of an element without running it: [`Info`] and [`PadTemplate`].
//!
//! Both are written as constants: `Info::new(..).needs(&[Capability::Inference])`.

pub use crate::bindings::exports::millstream::media::element::{
    Capability, Descriptor, Mutability, Presence, Property, PropertyKind,
};
pub use crate::bindings::millstream::media::types::Direction;

use crate::bindings::exports::millstream::media::element as contract;

/// An element's name and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) description: &'static str,
    pub(crate) author: &'static str,
    pub(crate) capabilities: &'static [Capability],
    pub(crate) live: bool,
    pub(crate) sync: bool,
    pub(crate) stateless: bool,
}

impl Info {
    /// The name as launch lines write it, the class as GStreamer's klass
    /// (`Filter/Effect/Video`), and one sentence.
    pub const fn new(name: &'static str, class: &'static str, description: &'static str) -> Self {
        let (author, capabilities) = ("The Millstream authors", &[] as &[Capability]);
        Self {
            name,
            class,
            description,
            author,
            capabilities,
            live: false,
            sync: false,
            stateless: false,
        }
    }

    /// Who wrote it.
    #[must_use]
    pub const fn author(mut self, author: &'static str) -> Self {
        self.author = author;
        self
    }

    /// What it wants beyond its own memory. The manifest must grant it.
    #[must_use]
    pub const fn needs(mut self, capabilities: &'static [Capability]) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// For a source: data comes in real time, and is lost if nobody takes it.
    #[must_use]
    pub const fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// For a sink: waits for each buffer's time unless `sync=false` is set.
    #[must_use]
    pub const fn sync(mut self) -> Self {
        self.sync = true;
        self
    }

    /// For a filter: what leaves for a buffer leaves in that call, and depends on that
    /// buffer, the caps and the properties alone. Then users may let several instances
    /// take turns (`parallel=4`).
    #[must_use]
    pub const fn stateless(mut self) -> Self {
        self.stateless = true;
        self
    }
}

/// A kind of pad that an element has.
#[derive(Debug, Clone, Copy)]
pub struct PadTemplate {
    /// `sink`, `src`, or a pattern such as `sink_%u`.
    pub name: &'static str,
    /// Which way it faces.
    pub direction: Direction,
    /// Everything that such a pad could carry.
    pub caps: &'static str,
    request: bool,
    caps_from_data: bool,
}

impl PadTemplate {
    /// A pad at which buffers enter.
    pub const fn sink(name: &'static str, caps: &'static str) -> Self {
        let direction = Direction::Sink;
        Self {
            name,
            direction,
            caps,
            request: false,
            caps_from_data: false,
        }
    }

    /// A pad at which buffers leave.
    pub const fn src(name: &'static str, caps: &'static str) -> Self {
        Self {
            direction: Direction::Src,
            ..Self::sink(name, caps)
        }
    }

    /// Pads that are made when the pipeline asks for them; the name holds `%u`.
    #[must_use]
    pub const fn request(mut self) -> Self {
        self.request = true;
        self
    }

    /// A src pad whose caps only the data can tell: the element decides them with
    /// [`crate::Context::negotiate`] before its first buffer.
    #[must_use]
    pub const fn caps_from_data(mut self) -> Self {
        self.caps_from_data = true;
        self
    }

    fn to_contract(self) -> contract::PadTemplate {
        contract::PadTemplate {
            name: self.name.to_owned(),
            direction: self.direction,
            presence: if self.request {
                Presence::Request
            } else {
                Presence::Always
            },
            caps: self.caps.to_owned(),
            caps_from_data: self.caps_from_data,
        }
    }
}

pub(crate) fn descriptor(
    info: &Info,
    pads: &[PadTemplate],
    properties: Vec<Property>,
) -> Descriptor {
    Descriptor {
        name: info.name.to_owned(),
        class: info.class.to_owned(),
        description: info.description.to_owned(),
        author: info.author.to_owned(),
        pads: pads.iter().map(|pad| pad.to_contract()).collect(),
        properties,
        capabilities: info.capabilities.to_vec(),
        live: info.live,
        sync: info.sync,
        stateless: info.stateless,
    }
}
