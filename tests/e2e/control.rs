//! The control socket: what a running pipeline can be asked, and that no client, whatever it
//! does, costs the pipeline a buffer.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{Run, Running, Scene, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "identity", "fakesink"];
/// A buffer that finds the queue full is dropped and counted.
const LIVE: &str = "videotestsrc name=source is-live=true \
    ! video/x-raw,format=I420,width=64,height=48,framerate=30/1 \
    ! queue leaky=downstream max-size-buffers=60 ! identity name=middle ! fakesink name=end";
/// Longest wait for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// A pipeline that runs until it is told to end.
struct Live<'a> {
    scene: &'a Scene,
    running: Running,
    socket: PathBuf,
}

impl<'a> Live<'a> {
    fn start(scene: &'a Scene, name: &str) -> Self {
        let control = format!("--control={name}");
        let running = scene.start(&["launch", LIVE, "--json", &control]);
        let live = Self {
            scene,
            running,
            socket: scene.path(name),
        };
        wait_until("the pipeline answers", || {
            let answer = live
                .scene
                .run(&["ctl", "--socket", name, "stats", "--json"]);
            answer.code == Some(0) && stat(&answer.stdout, "end", "buffers-in") > 0
        });
        live
    }

    fn ctl(&self, args: &[&str]) -> Run {
        let socket = self.socket.to_str().expect("UTF-8");
        self.scene
            .run(&[&["ctl", "--socket", socket], args].concat())
    }

    /// A counter as it is now.
    fn count(&self, element: &str, counter: &str) -> u64 {
        let answer = self.ctl(&["stats", "--json"]).exits(0);
        stat(&answer.stdout, element, counter)
    }

    /// More buffers arrive at the end.
    fn flows(&self) {
        let before = self.count("end", "buffers-in");
        wait_until("buffers flow", || self.count("end", "buffers-in") > before);
    }

    /// Ends it: every buffer that was sent has arrived.
    fn end(self) {
        self.ctl(&["eos"]).exits(0);
        let run = self.running.wait().exits(0);
        assert_eq!(run.summary()["ended"], "eos");
        let sent = run.count("source", "buffers-out");
        assert!(sent > 0);
        assert_eq!(run.count("end", "buffers-in"), sent);
        assert_eq!(run.count("queue0", "dropped"), 0);
        assert!(!self.socket.exists(), "the socket is gone");
    }
}

fn stat(answer: &str, element: &str, counter: &str) -> u64 {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let elements = answer["elements"].as_array().expect("`elements`");
    let found = elements.iter().find(|it| it["name"] == element);
    let count = found.and_then(|it| it[counter].as_u64());
    count.unwrap_or_else(|| panic!("no `{counter}` of `{element}` in {answer:#}"))
}

#[track_caller]
fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < LIMIT, "{what}: not in {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mode(path: &Path) -> u32 {
    let found = fs::symlink_metadata(path).expect("a file");
    found.permissions().mode() & 0o777
}

/// A client without manners.
struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("connecting");
        stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
        stream.set_write_timeout(Some(LIMIT)).expect("a time limit");
        let reader = BufReader::new(stream);
        Self { reader }
    }

    /// One that has been let in.
    fn greeted(socket: &Path) -> Self {
        let mut client = Self::connect(socket);
        assert_eq!(client.line()["protocol"], 1);
        client
    }

    fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("writing");
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in `{line}`"))
    }

    fn ask(&mut self, line: &str) -> Value {
        self.send(format!("{line}\n").as_bytes());
        self.line()
    }

    /// What is refused, and that the reason has these words.
    #[track_caller]
    fn is_told(&mut self, expected: &str) {
        let answer = self.line();
        let message = answer["error"]["message"].as_str().expect("an error");
        assert!(message.contains(expected), "{answer}");
    }

    #[track_caller]
    fn is_hung_up(&mut self) {
        let left = self.reader.read(&mut [0; 16]);
        // What was sent and not read makes it a reset.
        assert!(matches!(left, Ok(0) | Err(_)), "{left:?}");
        if let Err(error) = left {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn a_running_pipeline_is_looked_after() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    assert_eq!(mode(&live.socket), 0o600);
    live.ctl(&["list"])
        .exits(0)
        .says(&["pipeline0: playing", "middle", "identity", "running"]);
    let list = live.ctl(&["list", "--json"]).exits(0).summary();
    let names: Vec<&Value> = list["elements"]
        .as_array()
        .expect("elements")
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["source", "capsfilter0", "queue0", "middle", "end"]);
    assert_eq!(list["elements"][3]["pads"][0]["peer"], "queue0.src");
    live.ctl(&["stats"]).exits(0).says(&["longest", "middle"]);

    let paused = live.ctl(&["pause", "--json"]).exits(0).summary();
    assert_eq!(paused, json!({"state": "paused"}));
    live.ctl(&["list"]).exits(0).says(&["pipeline0: paused"]);
    live.ctl(&["resume"]).exits(0);
    live.flows();

    live.ctl(&["set-property", "middle", "drop-probability", "1.0"])
        .exits(0);
    wait_until("the property has an effect", || {
        live.count("middle", "buffers-in") > live.count("middle", "buffers-out") + 3
    });
    live.ctl(&["set-property", "middle", "drop-probability", "0.0"])
        .exits(0);
    live.flows();
    live.ctl(&["eos"]).exits(0);
    let run = live.running.wait().exits(0);
    assert_eq!(run.summary()["ended"], "eos");
    assert!(!live.socket.exists());
}

#[test]
fn a_paused_pipeline_stands_still() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    live.ctl(&["pause"]).exits(0);
    let mut before = live.count("end", "buffers-in");
    // What is under way arrives; then nothing does for ten frame times.
    wait_until("nothing flows", || {
        std::thread::sleep(Duration::from_millis(330));
        let now = live.count("end", "buffers-in");
        now == std::mem::replace(&mut before, now)
    });
    // The end can be asked for while it is paused.
    live.end();
}

#[test]
fn what_cannot_be_done_is_said() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    for (args, code, expected) in [
        (&["set-property", "nobody", "a", "b"][..], 2, "nobody"),
        (&["set-property", "middle", "volume", "b"], 2, "volume"),
        (
            &["set-property", "middle", "drop-probability", "2"],
            2,
            "from 0 to 1",
        ),
        // Only before the element is created.
        (
            &["set-property", "middle", "error-after", "2"],
            2,
            "error-after",
        ),
        (&["swap", "middle", "no-such.wasm"], 2, "no such file"),
        (&["dance"], 2, "unrecognized subcommand"),
    ] {
        live.ctl(args).exits(code).says(&[expected]);
    }
    let mut client = Client::greeted(&live.socket);
    for (line, expected) in [
        ("", "flat JSON object"),
        ("{\"command\":\"stats\",\"x\":1}", "no field `x`"),
        ("{\"id\":7,\"command\":\"swap\"}", "`element`"),
        ("\u{1b}[2J", "flat JSON object"),
    ] {
        client.send(format!("{line}\n").as_bytes());
        client.is_told(expected);
    }
    client.send(b"\xff\xfe\n");
    client.is_told("not UTF-8");
    // Whatever it wrote, it is still heard; ids come back.
    let answer = client.ask("{\"id\":\"a\",\"command\":\"stats\"}");
    assert_eq!(
        (&answer["id"], &answer["error"]),
        (&json!("a"), &Value::Null)
    );
    live.end();
}

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
fn files_are_not_mistaken_for_stale_sockets() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let launch = |control: &str| {
        let control = format!("--control={control}");
        let line = "videotestsrc num-buffers=1 ! fakesink";
        scene.run(&["launch", line, &control])
    };
    scene.write("file.sock", "mine");
    launch("file.sock")
        .exits(2)
        .says(&["a file of another kind"]);
    assert_eq!(scene.read("file.sock"), b"mine");
    let target = scene.path("file.sock");
    std::os::unix::fs::symlink(target, scene.path("link.sock")).expect("a link");
    launch("link.sock")
        .exits(2)
        .says(&["a file of another kind"]);
    assert_eq!(scene.read("link.sock"), b"mine");
    launch("no-such-folder/c.sock")
        .exits(2)
        .says(&["no-such-folder/c.sock"]);
    launch(&"x".repeat(200)).exits(2).says(&["control socket"]);

    // A living one is refused, whoever it belongs to.
    let other = UnixListener::bind(scene.path("other.sock")).expect("a socket");
    launch("other.sock")
        .exits(2)
        .says(&["a running process uses it"]);
    drop(other);
    // Now its process does not listen any more: a stale one.
    launch("other.sock").exits(0);
    assert!(!scene.path("other.sock").exists());
    let left: Vec<_> = fs::read_dir(scene.path(".")).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing else is left: {left:?}");
}

#[test]
fn the_socket_of_a_killed_pipeline_is_replaced() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let first = Live::start(&scene, "c.sock");
    first.running.signal("KILL");
    assert_eq!(first.running.wait().code, None);
    assert!(first.socket.exists(), "nobody could take it away");
    scene
        .run(&["ctl", "--socket", "c.sock", "stats"])
        .exits(2)
        .says(&["is gone"]);
    Live::start(&scene, "c.sock").end();
}

#[test]
fn the_socket_goes_with_the_pipeline() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let control = "--control=c.sock";
    for (line, code) in [
        ("videotestsrc num-buffers=3 ! fakesink", 0),
        ("videotestsrc ! identity error-after=2 ! fakesink", 1),
    ] {
        scene.run(&["launch", line, control]).exits(code);
        assert!(!scene.path("c.sock").exists(), "{line}");
    }
    for signal in ["INT", "TERM"] {
        let live = Live::start(&scene, "c.sock");
        live.running.signal(signal);
        live.running.wait().exits(0);
        assert!(!live.socket.exists(), "{signal}");
    }
}

#[test]
fn the_only_pipeline_is_found() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let folder = scene.path("millstream");
    let sockets = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some()).collect()
    };
    scene
        .run(&["ctl", "list"])
        .exits(2)
        .says(&["no pipeline with a control socket is running"]);
    let first = scene.start(&["launch", LIVE, "--control"]);
    wait_until("there is a socket", || sockets().len() == 1);
    assert_eq!((mode(&folder), mode(&sockets()[0])), (0o700, 0o600));
    scene
        .run(&["ctl", "list"])
        .exits(0)
        .says(&["pipeline0: playing"]);

    let second = scene.start(&["launch", LIVE, "--control"]);
    wait_until("there are two", || sockets().len() == 2);
    let mut all = sockets();
    all.sort();
    let names: Vec<&str> = all.iter().map(|it| it.to_str().expect("UTF-8")).collect();
    scene.run(&["ctl", "list"]).exits(2).says(&[
        "several pipelines are running",
        names[0],
        names[1],
    ]);
    // The first is killed: what it left counts no more, and goes with the next start.
    first.signal("KILL");
    assert_eq!(first.wait().code, None);
    scene.run(&["ctl", "eos"]).exits(0);
    second.wait().exits(0);
    assert_eq!(sockets().len(), 1);
    let line = "videotestsrc num-buffers=1 ! fakesink";
    scene.run(&["launch", line, "--control"]).exits(0);
    assert_eq!(sockets(), Vec::<PathBuf>::new());

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    scene
        .run(&["launch", line, "--control"])
        .exits(2)
        .says(&["its mode is 0755, expected 0700"]);
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
