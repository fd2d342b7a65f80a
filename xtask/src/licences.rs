//! `cargo xtask licences`: may we ship what we link? `deny.toml` says what is allowed.
//!
//! The file is cargo-deny's; where that tool is installed it runs as well and looks at advisories too.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use toml::{Table, Value};

use crate::args::Args;
use crate::spdx;
use crate::step::Step;
use crate::workspace::{Package, Workspace, read, succeeds};

pub(crate) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    eprintln!("licences: {}", check(workspace)?);
    Ok(())
}

/// Licences, bans and sources of all dependencies; the text says what was checked and what was not.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let rules = Rules::from_toml(&read(&workspace.root.join("deny.toml"))?.parse()?);
    let packages = workspace.packages()?;
    let problems: Vec<String> = packages.iter().flat_map(|it| rules.problems(it)).collect();
    if !problems.is_empty() {
        bail!(
            "{}\nhint: what is allowed stands in `deny.toml`",
            problems.join("\n")
        );
    }
    let advisories = cargo_deny(workspace)?;
    Ok(format!("{} packages; {advisories}", packages.len()))
}

/// The part of `deny.toml` that is checked here.
struct Rules {
    allowed: BTreeSet<String>,
    /// Crate and a licence that is allowed for it alone.
    exceptions: BTreeSet<(String, String)>,
    banned: BTreeSet<String>,
}

impl Rules {
    fn from_toml(file: &Table) -> Self {
        let licences = file.get("licenses");
        let mut exceptions = BTreeSet::new();
        for exception in list(licences, "exceptions") {
            let name = crate_name(exception).to_owned();
            let allowed = list(Some(exception), "allow");
            exceptions.extend(
                allowed
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|it| (name.clone(), it.to_owned())),
            );
        }
        let allowed = list(licences, "allow").iter().filter_map(Value::as_str);
        let banned = list(file.get("bans"), "deny").iter().map(crate_name);
        Self {
            allowed: allowed.map(String::from).collect(),
            exceptions,
            banned: banned.map(String::from).collect(),
        }
    }

    fn problems(&self, package: &Package) -> Vec<String> {
        let name = format!("`{} {}`", package.name, package.version);
        let mut problems = Vec::new();
        if self.banned.contains(&package.name) {
            problems.push(format!("{name} is banned"));
        }
        let source = package.source.as_deref().unwrap_or_default();
        if source.starts_with("git+") {
            problems.push(format!(
                "{name} comes from a git repository, not from a registry"
            ));
        }
        let is_allowed = |licence: &str| {
            let exception = (package.name.clone(), licence.to_owned());
            self.allowed.contains(licence) || self.exceptions.contains(&exception)
        };
        let licence = package.licence.as_deref().unwrap_or("none");
        if spdx::evaluate(licence, &is_allowed) != Some(true) {
            problems.push(format!("{name}: licence `{licence}` is not allowed"));
        }
        problems
    }
}

fn list<'a>(table: Option<&'a Value>, key: &str) -> &'a [Value] {
    let list = table
        .and_then(|table| table.get(key))
        .and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// `"name"`, `{ crate = "name" }` or the older `{ name = "name" }`; a version behind `@` is not looked at.
fn crate_name(value: &Value) -> &str {
    let named = || value.get("crate").or_else(|| value.get("name"))?.as_str();
    let text = value.as_str().or_else(named).unwrap_or_default();
    text.split('@').next().unwrap_or_default()
}

fn cargo_deny(workspace: &Workspace) -> Result<String> {
    if !succeeds(workspace.cargo("deny").arg("--version")) {
        return Ok("advisories NOT checked: cargo-deny is not installed".to_owned());
    }
    let mut deny = workspace.cargo("deny");
    deny.args(["--offline", "check", "licenses", "bans", "sources"]);
    Step::new(workspace, "deny").run(&mut deny)?;
    let step = Step::new(workspace, "advisories");
    let mut deny = workspace.cargo("deny");
    let (done, status) = step.run_to_status(deny.args(["check", "advisories"]))?;
    let log = read(&done.log)?;
    if status.success() {
        return Ok("advisories checked".to_owned());
    }
    if log.contains("failed to fetch") || log.contains("failed to load advisory database") {
        return Ok("advisories NOT checked: their database cannot be reached".to_owned());
    }
    bail!("{log}\nan advisory applies (log: {})", done.log.display())
}

#[cfg(test)]
mod tests {
    use super::Rules;
    use crate::workspace::Package;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "fonts", allow = ["OFL-1.1"] }]
        [bans]
        deny = [{ crate = "openssl-sys", reason = "rustls" }, "left-pad@1"]
    "#;

    fn check(name: &str, licence: Option<&str>, source: Option<&str>, expected: &[&str]) {
        let rules = Rules::from_toml(&DENY.parse().unwrap());
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            manifest: "Cargo.toml".into(),
            licence: licence.map(String::from),
            source: source.map(String::from),
            cdylib: None,
        };
        assert_eq!(rules.problems(&package), expected);
    }

    #[test]
    fn rules_of_deny_toml_are_obeyed() {
        check("fine", Some("MIT"), Some("registry+x"), &[]);
        check("fonts", Some("MIT AND OFL-1.1"), None, &[]);
        check(
            "other",
            Some("OFL-1.1"),
            None,
            &["`other 1.0.0`: licence `OFL-1.1` is not allowed"],
        );
        check(
            "none",
            None,
            None,
            &["`none 1.0.0`: licence `none` is not allowed"],
        );
        check(
            "openssl-sys",
            Some("MIT"),
            None,
            &["`openssl-sys 1.0.0` is banned"],
        );
        check(
            "left-pad",
            Some("MIT"),
            None,
            &["`left-pad 1.0.0` is banned"],
        );
        let git = "`fork 1.0.0` comes from a git repository, not from a registry";
        check("fork", Some("MIT"), Some("git+x"), &[git]);
    }
}
