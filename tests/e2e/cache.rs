//! Compiled code is kept by content: the second start compiles nothing.

use std::fs;

use crate::scene::{Scene, lacks_guests};

const LINE: &str = "videotestsrc num-buffers=2 ! identity ! fakesink";
const COMPONENTS: u64 = 3;

fn compiled_and_loaded(scene: &Scene) -> (u64, u64) {
    let summary = scene.launch(LINE).exits(0).summary();
    let count = |key: &str| summary[key].as_u64().expect("a count of components");
    (count("components-compiled"), count("components-loaded"))
}

#[test]
fn the_second_start_compiles_nothing() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::with_own_cache();
    assert_eq!(compiled_and_loaded(&scene), (COMPONENTS, 0));
    assert_eq!(compiled_and_loaded(&scene), (0, COMPONENTS));
}

#[test]
fn damaged_code_is_compiled_again() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::with_own_cache();
    compiled_and_loaded(&scene);
    let mut files: Vec<_> = fs::read_dir(scene.path("cache/millstream/compiled"))
        .expect("the cache")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert_eq!(files.len() as u64, COMPONENTS);
    for (number, file) in files.iter().enumerate() {
        let mut bytes = fs::read(file).expect("code");
        let middle = bytes.len() / 2;
        match number {
            0 => bytes[middle] ^= 1,
            1 => bytes.truncate(1000),
            _ => bytes.clear(),
        }
        fs::write(file, bytes).expect("writing");
    }
    assert_eq!(compiled_and_loaded(&scene), (COMPONENTS, 0));
    assert_eq!(compiled_and_loaded(&scene), (0, COMPONENTS));
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_and_nothing_else() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::with_own_cache();
    scene.write("cache", "a file where a folder should be");
    assert_eq!(compiled_and_loaded(&scene), (COMPONENTS, 0));
}
