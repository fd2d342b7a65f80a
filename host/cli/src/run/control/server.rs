//! The thread that all clients talk to: it never waits for one of them, and it does little
//! in a turn, so that no client costs the pipeline more than a bounded share of a core.

use std::io::Read as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use millstream_core::control::{
    Answer, ErrorKind, Greeting, Problem, Refusal, Refused, Request, parse_request,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::MAX_CLIENTS;
use super::client::Client;
use super::worker::{Desk, Job};

/// Shortest time between two turns: with one request a turn, 200 requests a second, which
/// is much for people and little for a pipeline.
const TURN: Duration = Duration::from_millis(5);
/// Most clients that are let in, or turned away, in a turn.
const MAX_ACCEPTS: usize = 32;
/// How long a client may sit idle while others wait to be let in.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// After `accept` failed, mostly for want of descriptors: they are rather the pipeline's.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long the pipeline's end waits for the last answers to be read.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The server of one pipeline.
pub(super) struct Server {
    pub(super) listener: UnixListener,
    /// Workers and the pipeline's end write here.
    pub(super) woken: UnixStream,
    pub(super) desk: Desk,
    pub(super) is_over: Arc<AtomicBool>,
    greeting: String,
    clients: Vec<Client>,
    /// How many there have been.
    count: u64,
    /// Whose request comes first in the next turn.
    turn: usize,
    no_accept_before: Instant,
}

impl Server {
    pub(super) fn new(
        listener: UnixListener,
        woken: UnixStream,
        desk: Desk,
        is_over: Arc<AtomicBool>,
        pipeline: &str,
    ) -> Self {
        Self {
            listener,
            woken,
            desk,
            is_over,
            greeting: Greeting::new(pipeline).to_line(),
            clients: Vec::new(),
            count: 0,
            turn: 0,
            no_accept_before: Instant::now(),
        }
    }

    /// Serves until the pipeline is over.
    pub(super) fn run(mut self) {
        while !self.is_over.load(Ordering::Acquire) {
            let waits = self.clients.iter().any(Client::has_request);
            let longest = if waits { Some(Duration::ZERO) } else { None };
            self.wait(longest, true);
            let now = Instant::now();
            self.accept(now);
            self.deliver(now);
            self.clients.retain_mut(|client| client.exchange(now));
            self.serve(now);
            std::thread::sleep(TURN.saturating_sub(now.elapsed()));
        }
        self.finish();
    }

    /// Sleeps until there is something to do.
    fn wait(&mut self, longest: Option<Duration>, accepts: bool) {
        let now = Instant::now();
        let mut wakes: Vec<Instant> = self.clients.iter().filter_map(Client::deadline).collect();
        wakes.extend(longest.map(|longest| now + longest));
        let mut fds = vec![PollFd::new(&self.woken, PollFlags::IN)];
        if accepts && self.no_accept_before <= now {
            fds.push(PollFd::new(&self.listener, PollFlags::IN));
        } else {
            wakes.push(now + ACCEPT_PAUSE);
        }
        for client in &self.clients {
            let mut events = PollFlags::empty();
            events.set(PollFlags::IN, client.wants_to_read());
            events.set(PollFlags::OUT, client.wants_to_write());
            // Without events a client that has gone would wake us again and again.
            if !events.is_empty() {
                fds.push(PollFd::new(client.stream(), events));
            }
        }
        let time = wakes.into_iter().min().map(|wake| {
            let time = wake.saturating_duration_since(now);
            Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            }
        });
        if poll(&mut fds, time.as_ref()).is_err() {
            // Interrupted, or the system has no memory: it is tried again after a pause.
            std::thread::sleep(TURN);
        }
        drop(fds);
        let mut bytes = [0; 2 * MAX_CLIENTS];
        drop(self.woken.read(&mut bytes));
    }

    /// Lets clients in, or turns them away.
    fn accept(&mut self, now: Instant) {
        for _ in 0..MAX_ACCEPTS {
            if now < self.no_accept_before {
                return;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream, now),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => self.no_accept_before = now + ACCEPT_PAUSE,
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, now: Instant) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        self.count += 1;
        let mut client = Client::new(self.count, stream, now);
        let refusal = if !super::is_allowed(client.stream()) {
            Some(Refusal {
                kind: ErrorKind::Usage,
                message: "this pipeline belongs to another user".to_owned(),
                hint: None,
            })
        } else if self.clients.len() >= MAX_CLIENTS && !self.make_room(now) {
            Some(Refusal {
                kind: ErrorKind::Busy,
                message: format!("{MAX_CLIENTS} clients are connected, and no more are let in"),
                hint: Some("try again, or close one".to_owned()),
            })
        } else {
            None
        };
        match refusal {
            None => {
                client.say(&self.greeting, now);
                self.clients.push(client);
            }
            Some(refusal) => {
                // Its socket is empty, so that a line goes through at once.
                client.dismiss(refusal, now);
                client.exchange(now);
            }
        }
    }

    /// Dismisses the client that has been idle for longest, if one has.
    fn make_room(&mut self, now: Instant) -> bool {
        let idle = |client: &Client| client.idle_time(now).filter(|time| *time >= IDLE_TIME);
        let longest = (0..self.clients.len())
            .filter_map(|at| Some((idle(self.clients.get(at)?)?, at)))
            .max();
        let Some((_, at)) = longest else {
            return false;
        };
        let mut client = self.clients.swap_remove(at);
        let refusal = Refusal {
            kind: ErrorKind::Busy,
            message: "another client needed the place of this idle one".to_owned(),
            hint: Some("connect again".to_owned()),
        };
        client.dismiss(refusal, now);
        client.exchange(now);
        true
    }

    /// Hands on what the workers have answered.
    fn deliver(&mut self, now: Instant) {
        while let Some(done) = self.desk.done() {
            let mut clients = self.clients.iter_mut();
            // One that is working is kept, whatever it does.
            if let Some(client) = clients.find(|client| client.id == done.client) {
                client.say(&done.line, now);
            }
        }
    }

    /// Takes one request, of the clients in turn.
    fn serve(&mut self, now: Instant) {
        let count = self.clients.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            let Some(client) = self.clients.get_mut(at) else {
                return;
            };
            let Some(line) = client.take_line(now) else {
                continue;
            };
            self.turn = at + 1;
            let refused = match request(&line) {
                Ok(request) => {
                    let job = Job {
                        client: client.id,
                        request,
                    };
                    self.desk.submit(job).err().map(|job| Answer {
                        id: job.request.id,
                        result: Err(Refusal {
                            kind: ErrorKind::Busy,
                            message: "too many requests wait".to_owned(),
                            hint: Some("try again".to_owned()),
                        }),
                    })
                }
                Err(refused) => Some(Answer {
                    id: refused.id,
                    result: Err((&refused.problem).into()),
                }),
            };
            if let Some(answer) = refused {
                client.say(&answer.to_line(), now);
            }
            return;
        }
    }

    /// The pipeline is over: the last answers, and an answer for who still waits.
    fn finish(mut self) {
        let until = Instant::now() + LAST_ANSWERS;
        loop {
            let now = Instant::now();
            self.deliver(now);
            self.clients
                .retain_mut(|client| client.is_served() && client.exchange(now));
            if now >= until || !self.clients.iter().any(Client::is_served) {
                break;
            }
            self.wait(Some(TURN), false);
        }
        let now = Instant::now();
        for client in self.clients.iter_mut().filter(|it| it.is_working()) {
            let refusal = Refusal {
                kind: ErrorKind::Failed,
                message: "the pipeline has ended".to_owned(),
                hint: None,
            };
            client.dismiss(refusal, now);
            client.exchange(now);
        }
    }
}

fn request(line: &[u8]) -> Result<Request, Refused> {
    let text = std::str::from_utf8(line).map_err(|error| Refused {
        id: None,
        problem: Problem::NotText {
            at: error.valid_up_to(),
        },
    })?;
    parse_request(text)
}
