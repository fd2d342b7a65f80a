//! Tables: launch line, and what it means.

use proptest::prelude::*;

use super::{TextValue, from_args, parse};
use crate::pipeline::{EndText, PropertyText};

/// `factory:name(prop=value,…)` for each element, then `a.pad>b.pad` for each link.
fn summary(text: &str) -> String {
    let description = match parse(text) {
        Ok(description) => description,
        Err(error) => return error.to_string(),
    };
    let property = |it: &PropertyText| match &it.value {
        TextValue::Text(text) => format!("{}={text}", it.name),
        other => format!("{}={other:?}", it.name),
    };
    let mut words: Vec<String> = Vec::new();
    for it in &description.elements {
        let properties: Vec<_> = it.properties.iter().map(property).collect();
        let list = if properties.is_empty() {
            String::new()
        } else {
            format!("({})", properties.join("|"))
        };
        words.push(format!("{}:{}{list}", it.factory, it.name));
    }
    let end = |it: &EndText| {
        let pad = it
            .pad
            .as_ref()
            .map_or(String::new(), |pad| format!(".{pad}"));
        format!("{}{pad}", description.elements[it.element].name)
    };
    words.extend(
        description
            .links
            .iter()
            .map(|link| format!("{}>{}", end(&link.src), end(&link.sink))),
    );
    words.join(" ")
}

#[test]
fn lines_mean() {
    let check = |line: &str, expected: &str| assert_eq!(summary(line), expected, "{line}");
    check("a ! b", "a:a0 b:b0 a0>b0");
    check("a!b", "a:a0 b:b0 a0>b0");
    check("a p=1 ! b q=2", "a:a0(p=1) b:b0(q=2) a0>b0");
    check("a p=1!b", "a:a0(p=1!b)");
    check("a p = 1 ! b", "a:a0(p=1) b:b0 a0>b0");
    check("a ! a ! a", "a:a0 a:a1 a:a2 a0>a1 a1>a2");
    check("a name=x ! b", "a:x b:b0 x>b0");
    check("a name=a0 ! a ! b", "a:a0 a:a1 b:b0 a0>a1 a1>b0");
    check("a name=x  b name=y  x. ! y.", "a:x b:y x>y");
    check(
        "a name=x  b name=y  x.src_0 ! y.sink_1",
        "a:x b:y x.src_0>y.sink_1",
    );
    check("x. ! b  a name=x", "b:b0 a:x x>b0");
    check(
        "a ! tee name=t  t. ! b  t. ! c",
        "a:a0 tee:t b:b0 c:c0 a0>t t>b0 t>c0",
    );
    check("a ! b0.  b ! c", "a:a0 b:b0 c:c0 a0>b0 b0>c0");
    check("a .src ! .sink b", "a:a0 b:b0 a0.src>b0.sink");
    check(
        "a ! video/x-raw,format=I420 ! b",
        "a:a0 capsfilter:capsfilter0(caps=video/x-raw,format=I420) b:b0 a0>capsfilter0 capsfilter0>b0",
    );
    check(
        "a ! video/x-raw, format = I420 , width=1; image/jpeg ! b",
        "a:a0 capsfilter:capsfilter0(caps=video/x-raw, format = I420 , width=1; image/jpeg) b:b0 \
         a0>capsfilter0 capsfilter0>b0",
    );
    check(
        "a ! \"video/x-raw, width=1\" ! b",
        "a:a0 capsfilter:capsfilter0(caps=video/x-raw, width=1) b:b0 a0>capsfilter0 capsfilter0>b0",
    );
    check("a p=\"two words\"", "a:a0(p=two words)");
    check("a p='two words'", "a:a0(p=two words)");
    check(r#"a p="say \"hi\"" q=1"#, r#"a:a0(p=say "hi"|q=1)"#);
    check(r"a p=two\ words", "a:a0(p=two words)");
    check("a p=\"\"", "a:a0(p=)");
    check("a p=x/y,z=1;", "a:a0(p=x/y,z=1;)");
    check(
        "a caps=video/x-raw,width=1 ! b",
        "a:a0(caps=video/x-raw,width=1) b:b0 a0>b0",
    );
    check("./my.wasm p=1 ! b", "./my.wasm:my0(p=1) b:b0 my0>b0");
    check(
        "out/det.wasm ! x.wasm ! b",
        "out/det.wasm:det0 x.wasm:x0 b:b0 det0>x0 x0>b0",
    );
    check("a\n  ! b\n", "a:a0 b:b0 a0>b0");
    check("", "");
    check("a ! ", "nothing stands behind this `!`");
    check("a @", "unexpected `@`");
    check("t.( a )", "bins `( … )` are not supported");
    check("a : b", "the link `:` is not supported");
    check(".src ! b", "pad `src` belongs to no element");
    check("x.", "");
}

#[test]
fn arguments_join() {
    let check = |args: &[&str], expected: &str| assert_eq!(from_args(args), expected);
    check(&["a", "!", "b"], "a ! b");
    check(&["a", "p=two words"], "a p=two\\ words");
    check(&["a", "p=\"two words\""], "a p=\"two words\"");
    let line = from_args(&["a", "!", "video/x-raw, width=1", "!", "b"]);
    assert_eq!(
        summary(&line),
        "a:a0 capsfilter:capsfilter0(caps=video/x-raw, width=1) b:b0 a0>capsfilter0 capsfilter0>b0"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,60}") {
        drop(parse(&text));
    }

    #[test]
    fn no_likely_text_panics(text in r#"[ab!.= "'\\/,:()\n-]{0,40}"#) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.place().is_some());
            prop_assert!(error.render().starts_with("error[M00"));
        }
    }
}
