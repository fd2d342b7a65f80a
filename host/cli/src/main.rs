//! The `millstream` command.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]
use std::time::Duration;
use millstream_core::graph::Graph;
fn main() {
    let line = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let sources = millstream_runtime::Sources { folders: vec!["target/components".into()], ..Default::default() };
    let rt = millstream_runtime::Runtime::new(sources, Default::default()).unwrap();
    rt.models.add_bytes("shapes", std::fs::read("models/shapes.onnx").unwrap_or_default(), vec![]);
    let d = millstream_core::launch::parse(&line).unwrap_or_else(|e| { eprintln!("{}", e.render()); std::process::exit(2) });
    let g = Graph::build(&d, &rt.elements).unwrap_or_else(|e| { eprintln!("{}", e.render()); std::process::exit(2) });
    let o = millstream_runtime::Options { implied_grants: true, views: std::env::var("NO_VIEWS").is_err(), ..Default::default() };
    let mut p = millstream_runtime::Pipeline::prepare(g, &rt, &o).unwrap_or_else(|e| { eprintln!("{}", e.render()); std::process::exit(2) });
    for (l, lp) in p.graph().links.iter().zip(&p.plan().links) { eprintln!("{:?} {:?}", l.src, lp.caps.as_ref().map(ToString::to_string)); }
    p.play().unwrap_or_else(|e| { eprintln!("{}", e.render()); std::process::exit(1) });
    let t = std::time::Instant::now();
    let end = loop { while let Ok(m) = p.messages().try_recv() { eprintln!("{m:?}"); } if let Some(e) = p.wait(Duration::from_millis(100)) { break e; } };
    eprintln!("{end:?} {:?}", t.elapsed());
    while let Ok(m) = p.messages().try_recv() { eprintln!("{m:?}"); }
    p.stop();
    for s in p.stats() { println!("{}", serde_json::to_string(&s).unwrap()); }
    println!("{:?}", rt.compile_counts());
}
