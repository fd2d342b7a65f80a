//! Caps: two texts with a line break between them, and the algebra's laws on both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_core::Error;
use millstream_core::caps::Caps;
use millstream_fuzz::check_error;

fuzz_target!(|text: &str| {
    let (a, b) = text.split_once('\n').unwrap_or((text, "ANY"));
    let (Some(a), Some(b)) = (read(a), read(b)) else {
        return;
    };
    let both = a.intersect(&b);
    assert_eq!(a.can_intersect(&b), !both.is_empty(), "{a} with {b}");
    assert!(both.is_equal(&b.intersect(&a)), "{a} with {b}");
    assert!(both.is_equal(&a.intersect_first(&b)), "{a} with {b}");
    assert!(both.is_subset(&a) && both.is_subset(&b), "{a} with {b}");
    let either = a.union(&b);
    assert!(a.is_subset(&either) && b.is_subset(&either), "{a} or {b}");
});

/// Caps and the laws that hold for them alone.
fn read(text: &str) -> Option<Caps> {
    let caps: Caps = match text.parse() {
        Ok(caps) => caps,
        Err(error) => {
            check_error(&Error::caps(error, text));
            return None;
        }
    };
    assert!(caps.is_within_limits(), "{caps}");
    let printed = caps.to_string();
    assert_eq!(printed.parse::<Caps>().as_ref(), Ok(&caps), "{text:?}");
    let one = caps.fixate();
    assert!(one.is_subset(&caps), "{one} of {caps}");
    assert!(one.is_fixed() || caps.is_any() || caps.is_empty(), "{one}");
    assert!(caps.simplify().is_equal(&caps), "{caps}");
    Some(caps)
}
