//! The algebra's laws, and tables of texts.

use proptest::prelude::*;

use super::{Caps, Features, Fraction, MAX_STRUCTURES, Structure, Value};

fn caps(text: &str) -> Caps {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn reads_and_prints() {
    let check = |input: &str, expected: &str| {
        let read = caps(input);
        assert_eq!(read.to_string(), expected, "{input}");
        assert_eq!(caps(expected), read, "{input}");
    };
    check("ANY", "ANY");
    check("NONE", "EMPTY");
    check("image/jpeg", "image/jpeg");
    check(
        "video/x-raw,format=I420,width=640,framerate=30/1",
        "video/x-raw, format=(string)I420, width=(int)640, framerate=(fraction)30/1",
    );
    check(
        "video/x-raw(memory:DMABuf, meta:X), format=(string){ I420, NV12 }, width=(int)[ 1, 4096, 1 ]",
        "video/x-raw(memory:DMABuf, meta:X), format=(string){ I420, NV12 }, width=(int)[ 1, 4096 ]",
    );
    check("video/x-raw(memory:SystemMemory)", "video/x-raw");
    check("video/x-raw(ANY)", "video/x-raw(ANY)");
    check("a/b, c=[ 2, 8, 2 ]", "a/b, c=(int)[ 2, 8, 2 ]");
    check(
        "a/b, r=[ 0/1, max ]",
        "a/b, r=(fraction)[ 0/1, 2147483647/1 ]",
    );
    check(
        "a/b, r=(fraction)[ 0, max ]",
        "a/b, r=(fraction)[ 0/1, 2147483647/1 ]",
    );
    check("a/b, w=[ 1, max ]", "a/b, w=(int)[ 1, 2147483647 ]");
    check("a/b, w=(i)0x10", "a/b, w=(int)16");
    check("a/b, m=(bitmask)0x3", "a/b, m=(bitmask)0x0000000000000003");
    check("a/b, f=(flagset)1:ff", "a/b, f=(flagset)00000001:000000ff");
    check("a/b, d=0.5", "a/b, d=(double)0.5");
    check("a/b, d=[ 0.5, 1.5 ]", "a/b, d=(double)[ 0.5, 1.5 ]");
    check("a/b, big=5000000000", "a/b, big=(int64)5000000000");
    check(
        "a/b, b=true, c=(b)no",
        "a/b, b=(boolean)true, c=(boolean)false",
    );
    check("a/b, s=\"two words\"", "a/b, s=(string)\"two\\ words\"");
    check("a/b, s=\"\\303\\244\"", "a/b, s=(string)\"\\303\\244\"");
    check("a/b, s=\"5\"", "a/b, s=(string)5");
    check("a/b, s=\"\"", "a/b, s=(string)\"\"");
    check("a/b, s=2:4:7:1", "a/b, s=(string)2:4:7:1");
    check("a/b, l={ (int)1, x }", "a/b, l={ (int)1, (string)x }");
    check("a/b, a=<1,2>", "a/b, a=(int)< 1, 2 >");
    check("a/b, a=< >", "a/b, a=< >");
    check("a/b, l={ <1, 2>, <3> }", "a/b, l=(int){ < 1, 2 >, < 3 > }");
    check("a/b ; c/d , x = 1 ;", "a/b; c/d, x=(int)1");
    check("a/b, x=1,", "a/b, x=(int)1");
    check("a/b, r=60/2", "a/b, r=(fraction)30/1");
}

#[test]
fn words_for_all_caps_stand_alone() {
    for text in ["ANY,", "a/b; ANY", "ANY(memory:X)", "EMPTY;", "NONE, x=1"] {
        let error = text.parse::<Caps>().unwrap_err().to_string();
        assert!(error.contains("stand alone"), "{text}: {error}");
    }
}

#[test]
fn limits_hold() {
    let many = vec!["a/b"; MAX_STRUCTURES + 1].join(";");
    assert!(many.parse::<Caps>().is_err());
    let long = format!("a/b, x={{ {} }}", vec!["1"; 1_025].join(","));
    assert!(long.parse::<Caps>().is_err());
    let deep = format!("a/b, x={}1{}", "<".repeat(9), ">".repeat(9));
    assert!(deep.parse::<Caps>().is_err());
    assert!("a".repeat(70_000).parse::<Caps>().is_err());
}

#[test]
fn large_caps_take_little_time() {
    let items: Vec<_> = (0..1_000).map(|n| format!("[ {n}, {} ]", n + 7)).collect();
    let hostile = format!(
        "a/b, x={{ {} }}; a/b, y={{ {} }}",
        items.join(","),
        items.join(",")
    );
    let hostile = caps(&hostile);
    assert!(hostile.intersect(&hostile).is_subset(&hostile));
    let small: Vec<_> = (0..64)
        .map(|n| format!("a/b, x{n}=[ 1, 9 ], y=[ {n}, 99 ]"))
        .collect();
    let small = caps(&small.join(";"));
    assert!(small.intersect(&small).structures().len() <= 256);
    assert!(small.simplify().is_subset(&small));
}

#[test]
fn intersects() {
    let check = |a: &str, b: &str, expected: &str| {
        assert_eq!(
            caps(a).intersect(&caps(b)).to_string(),
            expected,
            "{a} with {b}"
        );
        assert_eq!(
            caps(a).can_intersect(&caps(b)),
            expected != "EMPTY",
            "{a} with {b}"
        );
    };
    check("ANY", "a/b", "a/b");
    check("a/b", "c/d", "EMPTY");
    check("EMPTY", "ANY", "EMPTY");
    check("a/b, x=1", "a/b, y=2", "a/b, x=(int)1, y=(int)2");
    check(
        "a/b, x=[ 1, 10 ]",
        "a/b, x=[ 5, 20 ]",
        "a/b, x=(int)[ 5, 10 ]",
    );
    check(
        "a/b, x=[ 2, 12, 2 ]",
        "a/b, x=[ 3, 30, 3 ]",
        "a/b, x=(int)[ 6, 12, 6 ]",
    );
    check("a/b, x=[ 2, 8, 2 ]", "a/b, x=3", "EMPTY");
    check(
        "a/b, x={ 1, 2, 3 }",
        "a/b, x={ 3, 2 }",
        "a/b, x=(int){ 2, 3 }",
    );
    check(
        "a/b, x={ 1, 2, 3 }",
        "a/b, x=[ 2, 9 ]",
        "a/b, x=(int){ 2, 3 }",
    );
    check(
        "a/b, x=[ 0/1, 60/1 ]",
        "a/b, x=30/1",
        "a/b, x=(fraction)30/1",
    );
    check("a/b, x=1", "a/b, x=(string)1", "EMPTY");
    check("a/b(memory:X)", "a/b", "EMPTY");
    check("a/b(ANY), x=1", "a/b(memory:X)", "a/b(memory:X), x=(int)1");
    check(
        "a/b, x=<1, [ 1, 9 ]>",
        "a/b, x=<[ 0, 3 ], 4>",
        "a/b, x=(int)< 1, 4 >",
    );
    check(
        "a/b, x=(flagset)1:1",
        "a/b, x=(flagset)2:2",
        "a/b, x=(flagset)00000003:00000003",
    );
    check("a/b, x=(flagset)1:1", "a/b, x=(flagset)0:1", "EMPTY");
    // Zig-zag: what both put first, then the rest along the diagonals.
    check("a/a; b/b; c/c", "c/c; b/b; a/a", "c/c; b/b; a/a");
    let first = caps("a/a; b/b; c/c").intersect_first(&caps("c/c; b/b; a/a"));
    assert_eq!(first.to_string(), "a/a; b/b; c/c");
}

#[test]
fn compares_and_simplifies() {
    let subset = |a: &str, b: &str, expected: bool| {
        assert_eq!(caps(a).is_subset(&caps(b)), expected, "{a} in {b}");
    };
    subset("a/b, x=1", "a/b", true);
    subset("a/b", "a/b, x=1", false);
    subset("a/b, x=[ 1, 3 ]", "a/b, x={ 1, 2, 3 }", true);
    subset("a/b, x=[ 1, 9 ]", "a/b, x=[ 1, 4 ]; a/b, x=[ 5, 9 ]", true);
    subset("a/b, x=[ 1, 9 ]", "a/b, x=[ 1, 4 ]; a/b, x=[ 6, 9 ]", false);
    subset("a/b, x=[ 2, 8, 2 ]", "a/b, x=[ 1, 9 ]", true);
    subset("a/b, x=[ 1, 9 ]", "a/b, x=[ 2, 8, 2 ]", false);
    subset("a/b(memory:X)", "a/b(ANY)", true);
    subset("a/b(ANY)", "a/b", false);
    subset("ANY", "a/b", false);
    subset("EMPTY", "a/b", true);
    let simple = |input: &str, expected: &str| {
        assert_eq!(caps(input).simplify().to_string(), expected, "{input}");
    };
    simple("a/b; a/b, x=1", "a/b");
    simple(
        "a/b, x=1, y=1; a/b, x=2, y=1",
        "a/b, x=(int){ 1, 2 }, y=(int)1",
    );
    simple("a/b, x=[ 1, 4 ]; a/b, x=[ 5, 9 ]", "a/b, x=(int)[ 1, 9 ]");
    simple("a/b, x={ 7 }", "a/b, x=(int)7");
    simple(
        "a/b, x=1, y=1; a/b, x=2, y=2",
        "a/b, x=(int)1, y=(int)1; a/b, x=(int)2, y=(int)2",
    );
}

#[test]
fn fixates() {
    let all = caps(
        "a/b(ANY), f={ I420, NV12 }, w=[ 2, 8 ], r=[ 0/1, 60/1 ], d=[ 0.5, 1.0 ], a=<[ 1, 2 ]>; c/d",
    );
    assert_eq!(
        all.fixate().to_string(),
        "a/b, f=(string)I420, w=(int)2, r=(fraction)0/1, d=(double)0.5, a=(int)< 1 >"
    );
    let mut one = Structure::new("a/b")
        .field("w", 1..=4096)
        .field("r", vec![Fraction::new(25, 1), Fraction::new(30, 1)])
        .field("f", Value::strings(["A", "B"]));
    assert!(one.fixate_nearest_int("w", 320));
    assert!(one.fixate_nearest_fraction("r", Fraction::new(29, 1)));
    assert!(one.fixate_to("f", "B"));
    assert!(!one.fixate_to("f", "C"));
    assert_eq!(
        one.to_string(),
        "a/b, w=(int)320, r=(fraction)30/1, f=(string)B"
    );
    let built = Caps::builder("a/b")
        .features(Features::new(vec!["memory:X".into()]))
        .build();
    assert_eq!(built.to_string(), "a/b(memory:X)");
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i32..9).prop_map(Value::Int),
        (-3i64..9).prop_map(Value::Int64),
        any::<bool>().prop_map(Value::Bool),
        "[a-c]{1,2}".prop_map(Value::Str),
        ".{0,4}".prop_map(Value::Str),
        (-3i32..4, 1i32..4).prop_map(|(n, d)| Value::Fraction(Fraction::new(n, d))),
        (-3i32..4).prop_map(|n| Value::Double(f64::from(n) / 2.0)),
        (0u64..4).prop_map(Value::Bitmask),
        (0u32..4, 0u32..4).prop_map(|(f, mask)| Value::FlagSet {
            flags: f & mask,
            mask
        }),
    ]
}

fn range() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i32..6, 1i32..6, 1i32..4).prop_map(|(n, len, step)| Value::IntRange {
            min: n * step,
            max: (n + len) * step,
            step
        }),
        (-3i64..6, 1i64..6, 1i64..4).prop_map(|(n, len, step)| Value::Int64Range {
            min: n * step,
            max: (n + len) * step,
            step
        }),
        (-3i32..6, 1i32..6).prop_map(|(n, len)| Value::DoubleRange {
            min: n.into(),
            max: (n + len).into()
        }),
        (-3i32..6, 1i32..6).prop_map(|(n, len)| Value::FractionRange {
            min: Fraction::new(n, 1),
            max: Fraction::new(n + len, 1)
        }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let plain = || prop_oneof![3 => scalar(), 2 => range()];
    prop_oneof![
        4 => plain(),
        1 => prop::collection::vec(plain(), 1..4).prop_map(Value::List),
        1 => prop::collection::vec(plain(), 0..3).prop_map(Value::Array),
    ]
}

fn structure() -> impl Strategy<Value = Structure> {
    let features = prop_oneof![
        4 => Just(Features::system_memory()),
        1 => Just(Features::any()),
        1 => Just(Features::new(vec!["memory:X".to_owned()])),
    ];
    let fields = prop::collection::btree_map("[xyz]", value(), 0..3);
    ("[ab]/c", features, fields).prop_map(|(name, features, fields)| Structure {
        name,
        features,
        fields: fields.into_iter().collect(),
    })
}

fn any_caps() -> impl Strategy<Value = Caps> {
    prop_oneof![
        1 => Just(Caps::any()),
        1 => Just(Caps::empty()),
        12 => prop::collection::vec(structure(), 1..4).prop_map(Caps::new),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn print_then_parse_is_identity(caps in any_caps()) {
        let text = caps.to_string();
        prop_assert_eq!(text.parse::<Caps>().map_err(|e| format!("{text}: {e}")), Ok(caps));
    }

    #[test]
    fn intersection_commutes(a in any_caps(), b in any_caps()) {
        let (ab, ba) = (a.intersect(&b), b.intersect(&a));
        prop_assert!(ab.is_equal(&ba), "{ab} against {ba}");
        prop_assert!(ab.is_equal(&a.intersect_first(&b)));
        prop_assert_eq!(a.can_intersect(&b), !ab.is_empty());
    }

    #[test]
    fn intersection_is_in_both(a in any_caps(), b in any_caps()) {
        let both = a.intersect(&b);
        prop_assert!(both.is_subset(&a), "{both}");
        prop_assert!(both.is_subset(&b), "{both}");
    }

    #[test]
    fn any_and_empty(a in any_caps()) {
        prop_assert_eq!(&a.intersect(&Caps::any()), &a);
        prop_assert!(a.intersect(&Caps::empty()).is_empty());
        prop_assert!(a.union(&Caps::any()).is_any());
        prop_assert!(a.union(&Caps::empty()).is_equal(&a));
        prop_assert!(Caps::empty().is_subset(&a) && a.is_subset(&Caps::any()));
        prop_assert!(a.intersect(&a).is_equal(&a));
    }

    #[test]
    fn equal_is_mutual_subset(a in any_caps(), b in any_caps()) {
        prop_assert!(a.is_equal(&a));
        prop_assert_eq!(a.is_equal(&b), a.is_subset(&b) && b.is_subset(&a));
    }

    #[test]
    fn union_holds_both(a in any_caps(), b in any_caps()) {
        let both = a.union(&b);
        prop_assert!(a.is_subset(&both) && b.is_subset(&both));
    }

    #[test]
    fn simplified_is_equal(a in any_caps()) {
        let simple = a.simplify();
        prop_assert!(simple.is_equal(&a), "{a} became {simple}");
        prop_assert!(simple.structures().len() <= a.structures().len());
    }

    #[test]
    fn fixate_stays_inside(a in any_caps()) {
        let fixed = a.fixate();
        prop_assert!(fixed.is_subset(&a), "{fixed}");
        prop_assert!(a.is_any() || a.is_empty() || fixed.is_fixed());
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        drop(text.parse::<Caps>());
        drop(format!("video/x-raw, {text}").parse::<Caps>());
    }

    #[test]
    fn no_likely_text_panics(text in r#"[a/b,;=(){}\[\]<>"\\ 0-9inty:.-]{0,40}"#) {
        if let Ok(caps) = text.parse::<Caps>() {
            prop_assert_eq!(caps.to_string().parse::<Caps>(), Ok(caps));
        }
        if let Ok(caps) = format!("a/b, x={text}").parse::<Caps>() {
            prop_assert_eq!(caps.to_string().parse::<Caps>(), Ok(caps));
        }
    }
}
