//! Clients without manners: whatever one does, the pipeline loses no buffer and the others
//! are served.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::{Client, ELEMENTS, Live, wait_until};
use crate::scene::{Scene, lacks_guests};

#[test]
fn clients_that_hang_hold_nobody_up() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    let mut half = Client::greeted(&live.socket);
    half.send(b"{\"command\":\"st");
    let mut long = Client::greeted(&live.socket);
    long.send(&vec![b'x'; 70_000]);
    let mut deaf = Client::greeted(&live.socket);
    let requests = "{\"command\":\"list\"}\n".repeat(1_000);
    deaf.send(requests.as_bytes());
    let gone = Client::greeted(&live.socket);
    drop(gone);
    let mut hasty = Client::connect(&live.socket);
    hasty.send(b"{\"command\":\"pause\"}\n{\"command\":\"resume\"}");
    drop(hasty);

    long.is_told("a line of more than 65536 bytes");
    long.is_hung_up();
    live.flows();
    half.is_told("did not end within 5 s");
    half.is_hung_up();
    live.flows();
    live.end();
}

#[test]
fn one_that_never_reads_is_dropped() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    let mut deaf = Client::connect(&live.socket);
    let stream = deaf.reader.get_mut();
    // Until the pipeline has hung up, since what it says is not read.
    let lines = "{\"command\":\"list\"}\n".repeat(100);
    wait_until("it is dropped", || {
        stream.write_all(lines.as_bytes()).is_err()
    });
    live.flows();
    live.end();
}

#[test]
fn a_thousand_clients_are_let_in_or_turned_away() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    let mut clients: Vec<Client> = (0..1_000).map(|_| Client::connect(&live.socket)).collect();
    let mut greeted = 0;
    for client in &mut clients {
        let first = client.line();
        if first["protocol"] == 1 {
            greeted += 1;
        } else {
            assert_eq!(first["error"]["kind"], "busy", "{first}");
            client.is_hung_up();
        }
    }
    // Idle ones make room after a while, so that more than 64 may have been let in.
    assert!((64..1_000).contains(&greeted), "{greeted}");
    // All but one go, and the pipeline has room again.
    clients.truncate(1);
    live.flows();
    live.end();
}

#[test]
fn other_users_are_refused() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let owner = fs::metadata(scene.path(".")).expect("a folder").uid();
    if owner != 0 {
        eprintln!("skipped: only root can be another user");
        return;
    }
    let live = Live::start(&scene, "c.sock");
    // The owner opens the way as far as a mode can; the pipeline still asks who comes.
    let open = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("a mode");
    };
    open(&live.socket);
    open(&scene.path("."));
    let program = scene.path("millstream-copy");
    fs::copy(env!("CARGO_BIN_EXE_millstream"), &program).expect("a copy");
    open(&program);
    let other = Command::new(program)
        .args(["ctl", "--socket", "c.sock", "eos"])
        .current_dir(scene.path("."))
        .uid(65_534)
        .output()
        .expect("another user");
    let text = String::from_utf8_lossy(&other.stderr);
    assert!(text.contains("belongs to another user"), "{text}");
    assert_eq!(other.status.code(), Some(2));
    live.flows();
    live.end();
}
