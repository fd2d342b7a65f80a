//! Locks are read as they were written, and their mistakes are explained.

use proptest::prelude::*;

use super::{CONTRACT, Component, Lock, MAX_LOCK_BYTES, Model, parse};
use crate::element::Capability;
use crate::privilege::Privileges;

fn a_component(byte: char, capabilities: &[Capability], imports: &[&str]) -> Component {
    let privileges = Privileges {
        capabilities: capabilities.to_vec(),
        imports: imports.iter().map(|&it| it.to_owned()).collect(),
    };
    Component::new(byte.to_string().repeat(64), privileges)
}

fn a_lock() -> Lock {
    let mut lock = Lock::default();
    let sink = a_component('a', &[Capability::FilesWrite], &["wasi:b/b@1.0.0", "a:a/a"]);
    lock.components.insert("filesink".into(), sink);
    lock.components
        .insert("./my \"own\".wasm".into(), a_component('b', &[], &[]));
    let model = Model {
        digest: "c".repeat(64),
        labels: Some("d".repeat(64)),
    };
    lock.models.insert("coco".into(), model);
    lock
}

#[test]
fn the_text_is_sorted_and_says_what_it_is() {
    let expected = r#"# The components and models that a manifest was last found good with. Written by
# `millstream lock`, asked by `millstream run`; keep it beside the manifest.
version = 1
contract = "millstream:media@0.1.0"

[components."./my \"own\".wasm"]
sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
capabilities = []
imports = [
]

[components."filesink"]
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
capabilities = ["files:rw"]
imports = [
  "a:a/a",
  "wasi:b/b@1.0.0",
]

[models."coco"]
sha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
labels = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
"#;
    assert_eq!(a_lock().to_string(), expected);
    assert_eq!(parse(expected, "x.lock"), Ok(a_lock()));
}

#[test]
fn the_contract_is_that_of_the_wit_files() {
    let world = include_str!("../../../../../wit/media/world.wit");
    assert!(world.starts_with(&format!("package {CONTRACT};")));
}

#[test]
fn mistakes_are_explained() {
    let check = |text: &str, expected: &str| {
        let error = parse(text, "x.lock").unwrap_err().render();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.contains("--> x.lock:"), "{text:?}: {error}");
    };
    let head = "version = 1\ncontract = \"c\"\n";
    check("", "the lock needs the key `version`");
    check("version = ", "error[M0004]: the lock is not valid TOML");
    check("version = 2\ncontract = \"c\"", "from 1 to 1, got `2`");
    check(&format!("{head}colour = 1"), "unknown key `colour`");
    check(&format!("{head}contract = 'd'"), "error[M0004]");
    check(
        "version = 1\ncontract = \"\\u001b[2J\"",
        "control characters",
    );
    check(
        &format!(
            "{head}[components.\"a\\u0007\"]\nsha256='{}'\ncapabilities=[]\nimports=[]",
            "a".repeat(64)
        ),
        "control",
    );
    check(&format!("{head}[components]\na = 1"), "expected a table");
    check(
        &format!("{head}[models.m]"),
        "[models.m] needs the key `sha256`",
    );
    for digest in ["", "abc", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
        let text = format!("{head}[models.m]\nsha256 = '{digest}'");
        check(&text, "expected 64 hexadecimal digits in lower case");
    }
    let component = |rest: &str| {
        format!(
            "{head}[components.c]\nsha256 = '{}'\n{rest}",
            "0".repeat(64)
        )
    };
    check(&component("imports = []"), "needs the key `capabilities`");
    check(
        &component("capabilities = ['camera']"),
        "needs the key `imports`",
    );
    check(
        &component("capabilities = ['root']\nimports = []"),
        "got `root`",
    );
    check(
        &component("capabilities = []\nimports = [1]"),
        "a list of texts",
    );
    let long = "x".repeat(5_000);
    check(
        &component(&format!("capabilities = []\nimports = ['{long}']")),
        "at most 4096 bytes",
    );
    check(
        &" ".repeat(MAX_LOCK_BYTES + 1),
        "too many bytes in a lock: 4194305",
    );
}

#[test]
fn differences_are_told_one_by_one() {
    let check = |change: fn(&mut Lock), expected: &[&str]| {
        let mut now = a_lock();
        change(&mut now);
        let told: Vec<_> = a_lock()
            .differences(&now)
            .iter()
            .map(ToString::to_string)
            .collect();
        let first: Vec<_> = told.iter().flat_map(|it| it.lines()).collect();
        assert_eq!(first, expected);
    };
    let (a, c) = ("a".repeat(64), "c".repeat(64));
    let (locked_a, locked_c) = (
        format!("  locked sha256:{a}"),
        format!("  locked sha256:{c}"),
    );
    let now_e = format!("  now    sha256:{}", "e".repeat(64));
    check(|_| (), &[]);
    check(
        |now| now.contract = "x".into(),
        &["the contract is `x`, locked was `millstream:media@0.1.0`"],
    );
    check(
        |now| {
            let sink = a_component('e', &[Capability::FilesRead], &["a:a/a"]);
            now.components.insert("filesink".into(), sink);
        },
        &["component `filesink` has changed", &locked_a, &now_e],
    );
    check(
        |now| {
            let sink = a_component('e', &[Capability::Camera], &["a:b/c"]);
            now.components.insert("filesink".into(), sink);
        },
        &[
            "component `filesink` has changed",
            &locked_a,
            &now_e,
            "  wants more: capability camera",
            "  wants more: import a:b/c",
        ],
    );
    check(
        |now| {
            let sink = a_component('a', &[], &[]);
            now.components.insert("filesink".into(), sink);
        },
        &["component `filesink` wants other things than its lock says"],
    );
    check(
        |now| {
            let it = now.components.remove("filesink").unwrap();
            now.components.insert("sink".into(), it);
        },
        &[
            "component `sink` is not locked",
            "component `filesink` is locked, but not used",
        ],
    );
    check(
        |now| {
            let digest = "e".repeat(64);
            now.models.insert(
                "coco".into(),
                Model {
                    digest,
                    labels: None,
                },
            );
        },
        &[
            "model `coco` has changed",
            &locked_c,
            &now_e,
            "the labels of model `coco` have changed",
            &format!("  locked sha256:{}", "d".repeat(64)),
            "  now    none",
        ],
    );
}

fn locks() -> impl Strategy<Value = Lock> {
    let name = || "\\PC{0,12}";
    let digest = || "[0-9a-f]{64}";
    let capability = prop::sample::select(Capability::ALL.to_vec());
    let component = (
        digest(),
        prop::collection::vec(capability, 0..6),
        prop::collection::vec(name(), 0..4),
    )
        .prop_map(|(digest, capabilities, imports)| {
            Component::new(
                digest,
                Privileges {
                    capabilities,
                    imports,
                },
            )
        });
    let model = (digest(), prop::option::of(digest()))
        .prop_map(|(digest, labels)| Model { digest, labels });
    (
        name(),
        prop::collection::btree_map(name(), component, 0..4),
        prop::collection::btree_map(name(), model, 0..4),
    )
        .prop_map(|(contract, components, models)| Lock {
            contract,
            components,
            models,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(lock in locks()) {
        let text = lock.to_string();
        let read = parse(&text, "x.lock").unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(lock.differences(&read), vec![]);
    }

    #[test]
    fn no_text_is_too_much(text in "(version = 1\ncontract = \"c\"\n)?[a-z\"'=#.\\[\\]{}\n \\\\0-9]{0,80}") {
        if let Err(error) = parse(&text, "x.lock") {
            prop_assert!(error.render().contains("error[M"));
        }
    }

    /// Two locks differ exactly if there is something to tell.
    #[test]
    fn differences_are_told(a in locks(), b in locks()) {
        prop_assert_eq!(a.differences(&b).is_empty(), a == b);
    }
}
