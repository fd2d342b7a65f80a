//! Components to machine code, without a compiler: out of a bundle or not at all.

use wasmtime::component::Component;

use super::found::{Found, Origin};
use super::registry::ElementRegistry;
use crate::error::Error;

impl ElementRegistry {
    /// A component whose machine code is there and trusted.
    pub(super) fn component(&self, factory: &str, found: &Found<'_>) -> Result<Component, Error> {
        let is_bundled = matches!(found.origin, Origin::Bundle { .. });
        let (message, hint) = match found.code.map(|code| self.compiler.trusted(code)) {
            Some(Ok(component)) => return Ok(component),
            Some(Err(error)) => (
                format!("that in the bundle does not fit: {error:#}"),
                "make the bundle anew, with the version of `millstream` that is here, and with `--cpu` for another machine",
            ),
            None if is_bundled => (
                "that in the bundle may not run until you say that you trust it, and this `millstream` has no compiler".to_owned(),
                "if you trust the bundle as you trust a program, add `--trust-compiled=SHA256` with what `millstream compile` printed",
            ),
            None => (
                "this `millstream` has no compiler, and runs bundles only".to_owned(),
                "make a bundle with a `millstream` that has one: `millstream compile MANIFEST -o FILE`",
            ),
        };
        Err(Error::NotCompiled {
            origin: factory.to_owned(),
            message,
            hint: hint.to_owned(),
        })
    }

    /// Nothing is compiled here.
    pub fn load_all<'a>(&self, _factories: impl Iterator<Item = &'a str>) {}
}
