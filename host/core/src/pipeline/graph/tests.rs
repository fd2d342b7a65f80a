//! What graphs hold; mistakes are in `error/cases.txt`.

use super::{Graph, Kind, Registry};
use crate::element::Value;
use crate::pipeline::builtin;
use crate::queue::Leaky;
use crate::testing::{Shelf, graph};

fn links(graph: &Graph) -> String {
    let link =
        |link: &super::Link| format!("{}>{}", graph.pad_name(link.src), graph.pad_name(link.sink));
    graph.links.iter().map(link).collect::<Vec<_>>().join(" ")
}

#[test]
fn pads_are_chosen() {
    let check = |line: &str, expected: &str| {
        let graph = graph(line).unwrap_or_else(|error| panic!("{}", error.render()));
        assert_eq!(links(&graph), expected, "{line}");
        for (index, element) in graph.elements.iter().enumerate() {
            for (pad, known) in element.pads.iter().enumerate() {
                let peer = graph.peer(index, pad).unwrap();
                assert_eq!(graph.pad(peer.element, peer.pad).unwrap().link, known.link);
            }
        }
        assert_eq!(graph.topological().len(), graph.elements.len());
    };
    check(
        "videotestsrc ! fakesink",
        "videotestsrc0.src>fakesink0.sink",
    );
    check(
        "videotestsrc ! tee name=t  t. ! fakesink  t. ! fakesink",
        "videotestsrc0.src>t.sink t.src_0>fakesink0.sink t.src_1>fakesink1.sink",
    );
    check(
        "videotestsrc ! tee name=t  t. ! fakesink  t.src_0 ! fakesink",
        "videotestsrc0.src>t.sink t.src_1>fakesink0.sink t.src_0>fakesink1.sink",
    );
    check(
        "videotestsrc ! tee name=t  t.src_7 ! fakesink  t.src_%u ! fakesink",
        "videotestsrc0.src>t.sink t.src_7>fakesink0.sink t.src_0>fakesink1.sink",
    );
    check(
        "mixer name=m ! fakesink  videotestsrc ! m.  videotestsrc ! m.sink_3",
        "m.src>fakesink0.sink videotestsrc0.src>m.sink_0 videotestsrc1.src>m.sink_3",
    );
}

#[test]
fn properties_are_typed() {
    let graph = graph(
        "videotestsrc pattern=ball num-buffers=10 pattern=snow ! identity sleep-time=5ms ! \
         queue max-size-buffers=3 leaky=downstream max-lateness=40ms ! valve drop=true ! windowsink max-lateness=20ms ts-offset=-1",
    );
    // The window's caps clash nowhere before negotiation.
    let graph = graph.unwrap_or_else(|error| panic!("{}", error.render()));
    let source = &graph.elements[0];
    assert_eq!(source.base.num_buffers, Some(10));
    assert_eq!(
        source.property("pattern"),
        Some(&Value::Text("snow".into()))
    );
    assert_eq!(source.property("is-live"), Some(&Value::Boolean(false)));
    assert_eq!(source.property("num-buffers"), None);
    assert_eq!(source.user_set, ["num-buffers", "pattern"]);
    assert_eq!(
        graph.elements[1].property("sleep-time"),
        Some(&Value::Integer(5_000_000))
    );
    let Kind::Queue(queue) = &graph.elements[2].kind else {
        panic!("no queue")
    };
    assert_eq!(
        (queue.max_buffers, queue.leaky, queue.max_bytes),
        (3, Leaky::Downstream, 10_485_760)
    );
    assert_eq!(queue.max_lateness_nanos, Some(40_000_000));
    assert_eq!(graph.elements[3].kind, Kind::Valve { drop: true });
    let sink = &graph.elements[4].base;
    assert_eq!(
        (sink.sync, sink.max_lateness_nanos, sink.ts_offset_nanos),
        (true, Some(20_000_000), -1)
    );
}

#[test]
fn tables_have_defaults_of_their_kind() {
    let all = builtin::all();
    let tables = all.iter().flat_map(|it| it.properties.iter().cloned());
    let known = ["videotestsrc", "videoconvert", "windowsink"];
    let known = known.map(|name| Shelf.descriptor(name).unwrap().unwrap());
    let hosted = known.iter().flat_map(|it| {
        let properties = builtin::base_properties(it);
        assert!(!properties.is_empty(), "{}", it.name);
        properties
    });
    for property in tables.chain(hosted) {
        assert!(property.default.is_some(), "{}", property.name);
        assert!(!property.description.ends_with('.'), "{}", property.name);
    }
    let names: Vec<_> = all.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["queue", "tee", "capsfilter", "funnel", "valve"]);
}

#[test]
fn instances_that_take_turns_stand_in_the_place_of_one() {
    let built = graph("videotestsrc ! videoconvert name=c parallel=2 ! fakesink name=c-1").unwrap();
    assert_eq!(
        links(&built),
        "videotestsrc0.src>c-scatter.sink c-gather.src>c-1.sink \
         c-scatter.src_0>c.sink c.src>c-gather.sink_0 \
         c-scatter.src_1>c-1-.sink c-1-.src>c-gather.sink_1"
    );
    assert_eq!(built.topological().len(), built.elements.len());
    let twins: Vec<_> = built
        .elements
        .iter()
        .map(|it| it.twin_of.as_deref())
        .collect();
    assert_eq!(twins, [None, None, None, None, None, Some("c")]);
    let one = graph("videotestsrc ! videoconvert parallel=1 ! fakesink").unwrap();
    assert_eq!(one.elements.len(), 3);
}

#[test]
fn components_can_be_files() {
    let graph = graph("videotestsrc ! ./my.wasm ! fakesink").unwrap();
    assert_eq!(
        (
            graph.elements[1].name.as_str(),
            graph.elements[1].factory.as_str()
        ),
        ("my0", "./my.wasm")
    );
}
