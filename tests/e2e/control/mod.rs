//! The control socket: what a running pipeline can be asked, and that no client, whatever it
//! does, costs the pipeline a buffer.

mod clients;
mod files;

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{Run, Running, Scene, guest, lacks_guests};

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
        Self::play(scene, name, LIVE)
    }

    /// With an element `end`.
    fn play(scene: &'a Scene, name: &str, line: &str) -> Self {
        let control = format!("--control={name}");
        let running = scene.start(&["launch", line, "--json", &control]);
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

/// A client that speaks the protocol itself.
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
fn instances_that_take_turns_are_changed_together() {
    if lacks_guests(&["videotestsrc", "jpegenc", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let line = "videotestsrc is-live=true ! jpegenc name=middle parallel=2 ! fakesink name=end";
    let live = Live::play(&scene, "c.sock", line);
    live.ctl(&["set-property", "middle", "quality", "1"])
        .exits(0);
    let changed = || {
        let list = live.ctl(&["list", "--json"]).exits(0).summary();
        let elements = list["elements"].as_array().expect("elements").iter();
        let encoders = elements.filter(|it| it["factory"] == "jpegenc");
        let is_changed = |it: &&Value| it["properties"][0] == json!(["quality", "1"]);
        encoders.filter(is_changed).count()
    };
    wait_until("both have it", || changed() == 2);
    let file = guest("components", "jpegenc");
    live.ctl(&["swap", "middle", file.to_str().expect("UTF-8")])
        .exits(1)
        .says(&["2 instances of it take turns"]);
    live.flows();
    live.running.signal("INT");
    live.running.wait().exits(0);
}

#[test]
fn a_trial_keeps_nobody_waiting() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let live = Live::start(&scene, "c.sock");
    let mut swapper = Client::greeted(&live.socket);
    let swap = json!({
        "command": "swap", "element": "middle", "trial": "50s",
        "file": guest("components", "identity"),
    });
    swapper.send(format!("{swap}\n").as_bytes());
    live.flows();
    live.ctl(&["pause"]).exits(0);
    live.ctl(&["resume"]).exits(0);
    live.ctl(&["list"]).exits(0).says(&["playing"]);
    live.end();
    // It was still waiting: otherwise it would have had another answer.
    swapper.is_told("the pipeline has ended");
}
