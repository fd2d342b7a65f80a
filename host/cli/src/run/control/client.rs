//! One client: a line in, an answer out, a time for each.
//!
//! ```text
//! idle ─► line begins ─► line is there ─► a worker has it ─► answer is being written ─► idle
//!          LINE_TIME                                           ANSWER_TIME
//! ```

use std::io::{ErrorKind as IoErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use millstream_core::control::{Answer, ErrorKind, MAX_LINE_BYTES, Problem, Refusal};

/// Longest time from the first byte of a line to its end: programs write it in one go, and
/// terminals send what people type line by line.
const LINE_TIME: Duration = Duration::from_secs(5);
/// Longest time until an answer is read: what it holds in memory is then given back.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// What is read in a turn.
const READ_BYTES: usize = 16 << 10;

/// One client.
pub(super) struct Client {
    pub(super) id: u64,
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    phase: Phase,
    /// When the phase, the line or the answer began.
    since: Instant,
    /// It will send nothing more.
    has_ended: bool,
}

#[derive(PartialEq, Eq)]
enum Phase {
    /// Lines are read, or an answer is written.
    Talking,
    /// A worker has its request.
    Working,
    /// It goes when its answer is written.
    Leaving,
}

impl Client {
    /// A client that has said nothing yet; the stream must not block.
    pub(super) fn new(id: u64, stream: UnixStream, now: Instant) -> Self {
        Self {
            id,
            stream,
            input: Vec::new(),
            output: Vec::new(),
            phase: Phase::Talking,
            since: now,
            has_ended: false,
        }
    }

    /// Gives it a line.
    pub(super) fn say(&mut self, line: &str, now: Instant) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
        self.since = now;
        if self.phase == Phase::Working {
            self.phase = Phase::Talking;
        }
    }

    /// Tells it why it has to go.
    pub(super) fn dismiss(&mut self, refusal: Refusal, now: Instant) {
        let answer = Answer {
            id: None,
            result: Err(refusal),
        };
        self.say(&answer.to_line(), now);
        self.phase = Phase::Leaving;
    }

    /// Reads and writes what is possible now; false when the client is done with.
    pub(super) fn exchange(&mut self, now: Instant) -> bool {
        if !self.write(now) {
            return false;
        }
        if self.wants_to_read() && !self.read(now) {
            return false;
        }
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            if !self.output.is_empty() {
                return false;
            }
            self.dismiss(late(), now);
        }
        let is_idle = self.is_idle();
        !(is_idle && self.has_ended)
    }

    fn write(&mut self, now: Instant) -> bool {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return false,
                Ok(written) => {
                    self.output.drain(..written);
                    self.since = if self.output.is_empty() {
                        now
                    } else {
                        self.since
                    };
                }
                Err(error) if error.kind() == IoErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == IoErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        // A large answer's memory is not kept for the next.
        self.output.shrink_to(READ_BYTES);
        self.phase != Phase::Leaving
    }

    fn read(&mut self, now: Instant) -> bool {
        let mut bytes = [0; READ_BYTES];
        match self.stream.read(&mut bytes) {
            Ok(0) => {
                self.has_ended = true;
                if !self.input.is_empty() {
                    self.input.push(b'\n');
                }
            }
            Ok(count) => {
                if self.input.is_empty() {
                    self.since = now;
                }
                self.input.extend(bytes.iter().take(count));
                if !self.has_line() && self.input.len() > MAX_LINE_BYTES {
                    let max = MAX_LINE_BYTES;
                    self.dismiss((&Problem::TooLong { max }).into(), now);
                }
            }
            Err(error) => {
                let kind = error.kind();
                return matches!(kind, IoErrorKind::WouldBlock | IoErrorKind::Interrupted);
            }
        }
        true
    }

    fn has_line(&self) -> bool {
        self.input.contains(&b'\n')
    }

    /// Takes a line out, for a worker.
    pub(super) fn take_line(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.has_request() {
            return None;
        }
        let end = self.input.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.input.drain(..=end).collect();
        line.pop();
        self.phase = Phase::Working;
        self.since = now;
        Some(line)
    }

    /// Whether a line waits to be looked at.
    pub(super) fn has_request(&self) -> bool {
        self.phase == Phase::Talking && self.output.is_empty() && self.has_line()
    }

    /// Whether it waits for an answer, or for the rest of one.
    pub(super) fn is_served(&self) -> bool {
        self.is_working() || !self.output.is_empty()
    }

    /// Whether a worker has its request.
    pub(super) fn is_working(&self) -> bool {
        self.phase == Phase::Working
    }

    /// How long it has asked for nothing.
    pub(super) fn idle_time(&self, now: Instant) -> Option<Duration> {
        self.is_idle()
            .then(|| now.saturating_duration_since(self.since))
    }

    fn is_idle(&self) -> bool {
        self.phase == Phase::Talking && self.input.is_empty() && self.output.is_empty()
    }

    pub(super) fn wants_to_read(&self) -> bool {
        let is_free = self.phase == Phase::Talking && self.output.is_empty();
        is_free && !self.has_line() && !self.has_ended
    }

    pub(super) fn wants_to_write(&self) -> bool {
        !self.output.is_empty()
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// When its patience ends that is being tried.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.output.is_empty() {
            Some(self.since + ANSWER_TIME)
        } else if self.wants_to_read() && !self.input.is_empty() {
            Some(self.since + LINE_TIME)
        } else {
            None
        }
    }
}

fn late() -> Refusal {
    Refusal {
        kind: ErrorKind::Usage,
        message: format!("the line did not end within {} s", LINE_TIME.as_secs()),
        hint: Some("end each request with a line feed".to_owned()),
    }
}
