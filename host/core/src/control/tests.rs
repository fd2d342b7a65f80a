//! Laws: any text is a request or an explained refusal; what is written reads back.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn ids() -> impl Strategy<Value = Option<Id>> {
    prop_oneof![
        Just(None),
        any::<i64>().prop_map(|number| Some(Id::Number(number))),
        ".{0,30}".prop_map(|text| Some(Id::Text(text))),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    let swap = (
        ".{1,20}",
        "[^\0]{0,40}",
        10_000_000..=60_000_000_000_u64,
        any::<bool>(),
    );
    prop_oneof![
        Just(Command::List),
        Just(Command::Stats),
        Just(Command::Pause),
        Just(Command::Resume),
        Just(Command::Eos),
        (".{1,20}", ".{1,20}", ".{0,200}").prop_map(|(element, name, value)| {
            Command::SetProperty {
                element,
                name,
                value,
            }
        }),
        swap.prop_map(|(element, file, nanos, fresh)| Command::Swap(Swap {
            element,
            file: format!("/{file}").into(),
            trial: Duration::from_nanos(nanos),
            fresh,
        })),
    ]
}

/// Objects that look like requests.
fn nearly() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        "id|command|element|name|value|file|trial|fresh",
        "[a-z]{0,3}",
    ];
    let values = prop_oneof![
        "\"(list|stats|set-property|pause|resume|eos|swap|/x|1s|a)\"",
        "null|true|false|-?[0-9]{1,25}|1e999|1.5|\\[\\]|\\{\\}|\\[{1,200}",
        "\".{0,6}\"",
    ];
    let fields = proptest::collection::vec((names, values), 0..16);
    fields.prop_map(|fields| {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    })
}

/// A request, or a refusal that says something.
fn is_explained(line: &str) {
    match parse_request(line) {
        Ok(request) => assert_eq!(parse_request(&request.to_line()), Ok(request)),
        Err(refused) => {
            assert!(!refused.problem.to_string().is_empty());
            assert!(refused.problem.hint() != Some(String::new()));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_request_or_explained(line in ".*") {
        is_explained(&line);
    }

    #[test]
    fn any_object_is_a_request_or_explained(line in nearly()) {
        is_explained(&line);
    }

    #[test]
    fn any_text_is_an_answer_or_explained(line in ".*") {
        let problems = [Greeting::parse(&line).err(), Answer::parse(&line).err()];
        for problem in problems.into_iter().flatten() {
            prop_assert!(!problem.to_string().is_empty());
        }
    }

    #[test]
    fn a_request_reads_back(id in ids(), command in commands()) {
        let request = Request { id, command };
        let line = request.to_line();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(parse_request(&line), Ok(request));
    }

    #[test]
    fn an_answer_reads_back(id in ids(), message in ".*", hint in proptest::option::of(".*")) {
        for kind in [ErrorKind::Usage, ErrorKind::Failed, ErrorKind::Busy] {
            let (message, hint) = (message.clone(), hint.clone());
            let answer = Answer { id: id.clone(), result: Err(Refusal { kind, message, hint }) };
            let line = answer.to_line();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(Answer::parse(&line), Ok(answer));
        }
        let answer = Answer { id, result: Ok(json!({"message": message})) };
        prop_assert_eq!(Answer::parse(&answer.to_line()), Ok(answer));
    }

    #[test]
    fn a_greeting_reads_back(pipeline in ".*") {
        let greeting = Greeting::new(&pipeline);
        prop_assert_eq!(Greeting::parse(&greeting.to_line()), Ok(greeting));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let check = |line: &str, expected: &str| {
        let refused = parse_request(line).expect_err(line);
        let hint = refused.problem.hint().unwrap_or_default();
        let text = format!("{}\n{hint}", refused.problem);
        assert!(text.contains(expected), "{line}: {text}");
    };
    check("", "EOF");
    check("[1]", "expected an object");
    check("{} {}", "trailing");
    check("{\"id\":[]}", "expected text, a number");
    check(&"[".repeat(60_000), "expected an object");
    check(
        "{\"id\":1.5,\"command\":\"list\"}",
        "`id` must be a whole number",
    );
    check("{}", "commands: `list`, `stats`");
    check("{\"command\":\"lst\"}", "did you mean `list`?");
    check("{\"command\":1}", "unknown command `1`");
    check(
        "{\"command\":\"list\",\"command\":\"eos\"}",
        "`command` stands there twice",
    );
    check("{\"command\":\"list\",\"x\":1}", "`list` has no field `x`");
    check(
        "{\"command\":\"swap\",\"element\":\"a\",\"file\":\"/b\",\"tiral\":\"1s\"}",
        "did you mean `trial`?",
    );
    check(
        "{\"command\":\"swap\",\"element\":\"a\"}",
        "needs the field `file`",
    );
    let swap = |rest: &str| format!("{{\"command\":\"swap\",\"element\":\"a\",{rest}}}");
    check(
        &swap("\"file\":\"b.wasm\""),
        "absolute name of a file, got `b.wasm`",
    );
    check(
        &swap("\"file\":\"/b\",\"trial\":\"61s\""),
        "a time from 10ms to 60s",
    );
    check(
        &swap("\"file\":\"/b\",\"fresh\":\"yes\""),
        "`true` or `false`, got `yes`",
    );
    let set = |rest: &str| format!("{{\"command\":\"set-property\",{rest}}}");
    check(
        &set("\"name\":\"b\",\"value\":1"),
        "needs the field `element`",
    );
    check(
        &set("\"element\":\"\",\"name\":\"b\",\"value\":1"),
        "text of 1 to 256 bytes",
    );
    let long = format!(
        "\"element\":\"a\",\"name\":\"b\",\"value\":\"{}\"",
        "x".repeat(40_000)
    );
    check(&set(&long), "at most 32768 bytes, got 40000 bytes");
    let many: Vec<String> = (0..20).map(|at| format!("\"f{at}\":{at}")).collect();
    check(&format!("{{{}}}", many.join(",")), "more than 12 fields");
    check(&" ".repeat(MAX_LINE_BYTES + 1), "more than 65536 bytes");
}

#[test]
fn the_id_is_known_even_if_the_rest_is_wrong() {
    let refused = parse_request("{\"id\":\"a\",\"command\":\"x\"}").expect_err("refused");
    assert_eq!(refused.id, Some(Id::Text("a".to_owned())));
}

#[test]
fn values_are_written_as_in_a_launch_line() {
    for (json, expected) in [
        ("\"a b\"", "a b"),
        ("true", "true"),
        ("-3", "-3"),
        ("1.5", "1.5"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        let line = format!(
            "{{\"command\":\"set-property\",\"element\":\"e\",\"name\":\"n\",\"value\":{json}}}"
        );
        let Ok(Request {
            command: Command::SetProperty { value, .. },
            ..
        }) = parse_request(&line)
        else {
            panic!("{line}");
        };
        assert_eq!(value, expected);
    }
}

#[test]
fn every_command_is_listed() {
    for name in COMMANDS {
        let line = format!(
            "{{\"command\":\"{name}\"{}}}",
            match name {
                "set-property" => ",\"element\":\"e\",\"name\":\"n\",\"value\":1",
                "swap" => ",\"element\":\"e\",\"file\":\"/f\"",
                _ => "",
            }
        );
        assert_eq!(parse_request(&line).map(|it| it.command.name()), Ok(name));
    }
}
