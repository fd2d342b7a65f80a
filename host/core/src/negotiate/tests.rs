//! What links get; mistakes are in `error/cases.txt`.

use super::{decide, propagate};
use crate::caps::Caps;
use crate::testing::{Answers, plan};

/// The brief caps of each link, `-` where the data decides.
fn outcome(line: &str) -> Vec<String> {
    let (_, plan) = plan(line).unwrap_or_else(|error| panic!("{}", error.render()));
    let brief = |caps: &Option<Caps>| caps.as_ref().map_or("-".to_owned(), Caps::brief);
    plan.links.iter().map(|link| brief(&link.caps)).collect()
}

#[test]
fn links_get_caps() {
    let check = |line: &str, expected: &[&str]| assert_eq!(outcome(line), expected, "{line}");
    let plain = "video/x-raw, format=I420, width=320, height=240, framerate=30/1";
    check("videotestsrc ! fakesink", &[plain]);
    check(
        "videotestsrc ! queue ! videoconvert ! identity ! fakesink",
        &[plain; 4],
    );
    check(
        "videotestsrc ! video/x-raw,format=NV12,width=64 ! fakesink",
        &["video/x-raw, format=NV12, width=64, height=240, framerate=30/1"; 2],
    );
    // Without need nothing is converted: the source gives what the window takes.
    check(
        "videotestsrc ! videoconvert ! windowsink",
        &["video/x-raw, format=BGRx, width=320, height=240, framerate=30/1"; 2],
    );
    let yuy2 = "video/x-raw, format=YUY2, width=320, height=240, framerate=30/1";
    let bgrx = "video/x-raw, width=320, height=240, framerate=30/1, format=BGRx";
    check(
        "camerasrc ! videoconvert ! tee name=t  t. ! windowsink  t. ! queue ! fakesink",
        &[yuy2, bgrx, bgrx, bgrx, bgrx],
    );
    check(
        "camerasrc ! image/jpeg ! jpegdec ! videoconvert ! windowsink",
        &[
            "image/jpeg, width=1280, height=720, framerate=30/1",
            "image/jpeg, width=1280, height=720, framerate=30/1",
            "-",
            "-",
        ],
    );
    check(
        "filesrc location=x ! queue ! jpegdec ! fakesink",
        &["image/jpeg", "image/jpeg", "-"],
    );
    check("filesrc location=x ! identity ! fakesink", &["ANY", "ANY"]);
    check(
        "funnel name=f ! fakesink  videotestsrc ! f.  videotestsrc ! f.",
        &[plain, plain, plain],
    );
    check(
        "funnel name=f ! fakesink  videotestsrc ! f.  videotestsrc ! video/x-raw,width=64 ! f.",
        &[
            "-",
            plain,
            "video/x-raw, format=I420, width=64, height=240, framerate=30/1",
            "video/x-raw, format=I420, width=64, height=240, framerate=30/1",
        ],
    );
    let small = "video/x-raw, format=I420, framerate=30/1, width=64, height=240";
    check(
        "videotestsrc ! video/x-raw,width=320 ! videoscale ! video/x-raw,width=64 ! fakesink",
        &[plain, plain, small, small],
    );
}

/// What a hint says to put in, put in.
#[test]
fn hints_work_when_pasted() {
    for line in [
        "videotestsrc name=cam ! video/x-raw,format=YUY2 ! videoconvert ! objectdetector model=m ! fakesink",
        "camerasrc name=cam ! queue ! videoconvert ! objectdetector model=m ! fakesink",
        "camerasrc ! videoscale ! videoconvert ! windowsink",
        "camerasrc ! videoscale ! video/x-raw,width=8,height=8 ! fakesink",
        "camerasrc ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=8 ! fakesink",
        "camerasrc ! videorate ! video/x-raw,framerate=60/1 ! fakesink",
        "camerasrc ! image/jpeg ! jpegdec ! videoconvert ! fakesink",
        "videotestsrc ! tee name=t  t. ! video/x-raw,format=RGB ! fakesink  t. ! videoconvert ! windowsink",
    ] {
        outcome(line);
    }
}

#[test]
fn data_decides_later() {
    let (graph, plan) = plan("filesrc location=x ! jpegdec ! videoconvert ! windowsink").unwrap();
    let caps = |text: &str| text.parse::<Caps>().unwrap();
    let offered = caps("video/x-raw, format={ I420, RGB }, width=64, height=48, framerate=0/1");
    let mut oracle = Answers(&graph);
    let fixed = decide(&graph, &plan, 1, 1, &offered, None, &mut oracle).unwrap();
    assert_eq!(
        fixed.brief(),
        "video/x-raw, format=I420, width=64, height=48, framerate=0/1"
    );
    let next = propagate(&graph, &plan, 2, 0, &fixed, &mut oracle).unwrap();
    let [(1, out)] = next.as_slice() else {
        panic!("{next:?}")
    };
    assert_eq!(
        out.brief(),
        "video/x-raw, width=64, height=48, framerate=0/1, format=BGRx"
    );
    assert!(
        propagate(&graph, &plan, 3, 0, out, &mut oracle)
            .unwrap()
            .is_empty()
    );
    let wrong = decide(
        &graph,
        &plan,
        1,
        1,
        &caps("video/x-raw, format=GRAY8"),
        None,
        &mut oracle,
    );
    let text = wrong.unwrap_err().to_string();
    assert!(
        text.contains("clash: field `format` (GRAY8 against {I420, NV12"),
        "{text}"
    );
}

/// Branches that part and join again double the ways through a graph; the walk
/// that explains a clash must not take them all.
#[test]
fn many_joined_branches_are_explained_quickly() {
    let mut line = "videotestsrc ! video/x-raw,format=RGB ! tee name=t0".to_owned();
    for n in 0..40 {
        line += &[
            "  funnel name=fN ! tee name=tM",
            "  tN. ! queue ! fN.  tN. ! queue ! fN.",
        ]
        .concat()
        .replace('N', &n.to_string())
        .replace('M', &(n + 1).to_string());
    }
    line.push_str("  t40. ! windowsink");
    let text = plan(&line).unwrap_err().to_string();
    assert!(text.contains("`windowsink0.sink` accepts"), "{text}");
}
