//! A connection to a running pipeline: the greeting, then requests and their answers.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use millstream_core::control::{
    Answer, Command, ErrorKind, Greeting, MAX_ANSWER_BYTES, PROTOCOL, Refusal, Request,
};
use serde_json::Value as Json;

use super::plain;
use crate::failure::Failure;
use crate::sockets;

/// How long a pipeline that has much to do may take to let us in.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Between two tries.
const CONNECT_STEP: Duration = Duration::from_millis(50);
/// How long an answer may take: a property is set between two calls of its element, which
/// last as long as the element's `call-time`.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// A connection.
pub(super) struct Connection {
    pub(super) greeting: Greeting,
    reader: BufReader<UnixStream>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NotConnected {
    /// No process answers.
    Io(io::Error),
    /// It answers, but not as wanted.
    Refused(Refusal),
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl NotConnected {
    fn refused(message: String, hint: Option<String>) -> Self {
        Self::Refused(Refusal {
            kind: ErrorKind::Failed,
            message,
            hint,
        })
    }
}

impl Connection {
    /// Connects to a pipeline, while it is busy again and again.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let until = Instant::now() + CONNECT_TIME;
        loop {
            let error = match Self::try_open(path, until) {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            let is_busy = match &error {
                NotConnected::Io(error) => error.kind() == io::ErrorKind::WouldBlock,
                NotConnected::Refused(refusal) => refusal.kind == ErrorKind::Busy,
            };
            if !is_busy || Instant::now() >= until {
                return Err(not_connected(path, error));
            }
            std::thread::sleep(CONNECT_STEP);
        }
    }

    /// Connects once, and reads the greeting.
    pub(super) fn try_open(path: &Path, until: Instant) -> Result<Self, NotConnected> {
        let stream = sockets::try_connect(path)?;
        stream.set_nonblocking(false)?;
        let time = until.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(time.max(CONNECT_STEP)))?;
        let mut reader = BufReader::new(stream);
        let line = read_line(&mut reader)?;
        let greeting = match (Greeting::parse(&line), Answer::parse(&line)) {
            (Ok(greeting), _) => greeting,
            (
                _,
                Ok(Answer {
                    result: Err(refusal),
                    ..
                }),
            ) => return Err(NotConnected::Refused(refusal)),
            (Err(problem), _) => {
                return Err(NotConnected::refused(problem.to_string(), problem.hint()));
            }
        };
        if greeting.protocol != PROTOCOL {
            return Err(NotConnected::refused(
                format!(
                    "the pipeline speaks version {} of the control protocol, this `millstream` {PROTOCOL}",
                    greeting.protocol
                ),
                Some(format!("use `millstream` {}", greeting.version)),
            ));
        }
        Ok(Self { greeting, reader })
    }

    /// Has one request fulfilled.
    pub(super) fn ask(&mut self, command: Command) -> Result<Json, Failure> {
        let mut time = ANSWER_TIME;
        if let Command::Swap(swap) = &command {
            time += swap.trial;
        }
        let line = Request { id: None, command }.to_line() + "\n";
        let answer = self.exchange(&line, time).map_err(|error| {
            let lost = match error.kind() {
                io::ErrorKind::WouldBlock => format!("no answer within {} s", time.as_secs()),
                _ => format!("the pipeline ended before it answered ({error})"),
            };
            Failure::Run(format!("error: {lost}"))
        })?;
        match Answer::parse(&answer) {
            Ok(answer) => answer.result.map_err(|refusal| failure(&refusal)),
            Err(problem) => Err(failure(&(&problem).into())),
        }
    }

    fn exchange(&mut self, line: &str, time: Duration) -> io::Result<String> {
        let stream = self.reader.get_mut();
        stream.set_read_timeout(Some(time))?;
        stream.set_write_timeout(Some(time))?;
        // It may have said why it wants to hear nothing before it closed.
        let written = stream.write_all(line.as_bytes());
        read_line(&mut self.reader).map_err(|error| written.err().unwrap_or(error))
    }
}

fn read_line(reader: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = Vec::new();
    reader
        .take(MAX_ANSWER_BYTES as u64)
        .read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(line).map_err(io::Error::other)
}

fn not_connected(path: &Path, error: NotConnected) -> Failure {
    let path = path.display();
    match error {
        NotConnected::Refused(refusal) => failure(&refusal),
        NotConnected::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::usage(
                format!("the pipeline of `{path}` is gone"),
                "`millstream ctl list` finds one that runs",
            ),
            io::ErrorKind::WouldBlock => Failure::Run(format!(
                "error: the pipeline of `{path}` does not answer\n\
                 hint: it may be held by a debugger, or still be loading its elements"
            )),
            _ => Failure::usage(
                format!("cannot connect to `{path}`: {error}"),
                "name the socket that `--control` made: `--socket PATH`",
            ),
        },
    }
}

/// What the pipeline said, for a terminal.
fn failure(refusal: &Refusal) -> Failure {
    let mut text = format!("error: {}", plain(&refusal.message));
    if let Some(hint) = &refusal.hint {
        text += &format!("\nhint: {}", plain(hint));
    }
    match refusal.kind {
        ErrorKind::Usage => Failure::Usage(text),
        ErrorKind::Failed | ErrorKind::Busy => Failure::Run(text),
    }
}
