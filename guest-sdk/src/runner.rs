//! [`Runner`]: an element with its settings and pads, called as the contract
//! calls it. The export glue and the harness share it.

use crate::caps::Caps;
use crate::context::{Context, Disposition, Event, Pad};
use crate::describe::{Descriptor, descriptor};
use crate::failure::Failure;
use crate::property::{Setting, Settings};
use crate::role::{Element, Flow};
use crate::sys;

/// One instance of an element.
pub struct Runner<T: Element> {
    element: T,
    settings: T::Settings,
    context: Context,
    /// What the host was told last.
    is_passthrough: bool,
}

impl<T: Element> Runner<T> {
    /// What the element is.
    pub fn describe() -> Descriptor {
        descriptor(&T::INFO, T::PADS, T::Settings::describe())
    }

    /// Makes the element.
    pub fn create(properties: &[Setting], pads: Vec<Pad>) -> Result<Self, Failure> {
        let mut settings = T::Settings::defaults();
        for property in properties {
            settings.set(property)?;
        }
        let element = T::new(settings.clone())?;
        Ok(Self {
            element,
            settings,
            context: Context::new(pads, T::PADS),
            is_passthrough: false,
        })
    }

    /// Whether the host would hand buffers on without a call.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn is_passthrough(&self) -> bool {
        self.is_passthrough
    }

    /// Tells the host whether buffers need a call, after a call that may change it.
    fn told<R>(&mut self, result: R) -> R {
        let is_passthrough = self.element.is_passthrough();
        if is_passthrough != self.is_passthrough {
            self.is_passthrough = is_passthrough;
            sys::set_passthrough(is_passthrough);
        }
        result
    }

    /// Its pads.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What a pad could carry now.
    pub fn pad_caps(&self, pad: u32) -> Result<String, Failure> {
        Ok(self.element.pad_caps(&self.context, pad)?.to_string())
    }

    /// What another pad could carry.
    pub fn transform_caps(&self, given: u32, caps: &str, to: u32) -> Result<String, Failure> {
        let caps = parse_caps(caps)?;
        Ok(self
            .element
            .transform_caps(&self.context, given, &caps, to)?
            .to_string())
    }

    /// Picks among caps.
    pub fn fixate_caps(
        &self,
        pad: u32,
        caps: &str,
        sink_caps: Option<&str>,
    ) -> Result<String, Failure> {
        let (caps, sink_caps) = (parse_caps(caps)?, sink_caps.map(parse_caps).transpose()?);
        let picked = self
            .element
            .fixate_caps(&self.context, pad, caps, sink_caps.as_ref())?;
        Ok(picked.to_string())
    }

    /// Sets a pad's caps.
    pub fn set_caps(&mut self, pad: u32, caps: &str) -> Result<(), Failure> {
        let set = self
            .element
            .set_caps(&self.context, pad, &parse_caps(caps)?);
        self.told(set)
    }

    /// Starts.
    pub fn start(&mut self) -> Result<(), Failure> {
        let started = self.element.start(&self.context);
        self.told(started)
    }

    /// Stops.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.element.stop(&self.context)
    }

    /// Changes a property.
    pub fn set_property(&mut self, property: &Setting) -> Result<(), Failure> {
        self.settings.set(property)?;
        let configured = self.element.configure(self.settings.clone());
        self.told(configured)
    }

    /// A source's turn.
    pub fn produce(&mut self) -> Flow {
        self.element.produce(&self.context)
    }

    /// A buffer.
    pub fn chain(&mut self, pad: u32, buffer: crate::Buffer) -> Flow {
        self.element.chain(&self.context, pad, buffer)
    }

    /// An event.
    pub fn handle_event(&mut self, pad: u32, event: &Event) -> Result<Disposition, Failure> {
        let handled = self.element.handle_event(&self.context, pad, event);
        self.told(handled)
    }

    /// What another instance needs to go on.
    pub fn save(&self) -> Option<Vec<u8>> {
        self.element.save()
    }

    /// Goes on where another instance was.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), Failure> {
        let restored = self.element.restore(&self.context, state);
        self.told(restored)
    }
}

/// Caps from text, as a failure if they cannot be read.
pub(crate) fn parse_caps(text: &str) -> Result<Caps, Failure> {
    text.parse()
        .map_err(|error| Failure::not_negotiated(format!("caps `{text}`: {error}")))
}

/// What is left of `caps` where `downstream` accepts only some, fixated.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn fixed_caps(caps: &str, downstream: Option<&str>) -> Result<Caps, Failure> {
    let offered = parse_caps(caps)?;
    let left = match downstream {
        Some(accepted) => offered.intersect(&parse_caps(accepted)?),
        None => offered,
    };
    if left.is_empty() {
        let message = format!("no caps are both in `{caps}` and in `{downstream:?}`");
        return Err(Failure::not_negotiated(message));
    }
    Ok(left.fixate())
}
