//! The small parts that a start is made of: caps, launch lines, manifests.
//!
//! `cargo xtask bench small`
#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::expect_used, reason = "a benchmark may do what tests may")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use millstream_core::caps::Caps;
use millstream_core::{launch, manifest};

const WIDE: &str = "video/x-raw, format={ I420, NV12, YUY2, RGB, BGRx, GRAY8 }, \
    width=[ 1, 16384 ], height=[ 1, 16384 ], framerate=[ 0/1, 2147483647/1 ]";
const NARROW: &str = "video/x-raw, format={ RGB, NV12 }, width=1280, height=720, \
    framerate={ 15/1, 30/1 }; image/jpeg, width=1280, height=720";
const LINE: &str = "videotestsrc num-buffers=100 ! video/x-raw,format=I420,width=640,height=480 \
    ! objectdetector model=m.onnx ! tee name=t  t. ! queue ! detectionsink location=a.jsonl  \
    t. ! queue leaky=downstream ! detectionoverlay ! y4menc ! filesink location=a.y4m";
const SHAPES: &str = include_str!("../../../tests/shapes.toml");

fn caps(criterion: &mut Criterion) {
    let read = |text: &str| text.parse::<Caps>().expect("caps");
    let (wide, narrow) = (read(WIDE), read(NARROW));
    criterion.bench_function("caps: parse", |bencher| {
        bencher.iter(|| black_box(WIDE).parse::<Caps>());
    });
    criterion.bench_function("caps: print", |bencher| {
        bencher.iter(|| black_box(&narrow).to_string());
    });
    criterion.bench_function("caps: intersect", |bencher| {
        bencher.iter(|| black_box(&wide).intersect(black_box(&narrow)));
    });
    criterion.bench_function("caps: subset", |bencher| {
        bencher.iter(|| black_box(&narrow).is_subset(black_box(&wide)));
    });
    criterion.bench_function("caps: fixate", |bencher| {
        bencher.iter_batched(
            || narrow.clone(),
            |caps| black_box(caps).fixate(),
            BatchSize::SmallInput,
        );
    });
}

fn texts(criterion: &mut Criterion) {
    launch::parse(LINE).expect("a launch line");
    manifest::parse(SHAPES, "shapes.toml").expect("a manifest");
    criterion.bench_function("launch line: parse", |bencher| {
        bencher.iter(|| launch::parse(black_box(LINE)));
    });
    criterion.bench_function("manifest: parse", |bencher| {
        bencher.iter(|| manifest::parse(black_box(SHAPES), "shapes.toml"));
    });
}

criterion_group!(small, caps, texts);
criterion_main!(small);
