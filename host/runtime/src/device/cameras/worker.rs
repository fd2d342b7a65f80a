//! Threads of devices: they answer once, or within a limit not at all.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{RecvTimeoutError, Sender, bounded};

use crate::device::DeviceError;

/// How long a device may take to answer; slow cameras need a second to start.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long a device's thread may take to end before it is left to itself.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Runs `work` in a thread of that name until it has answered, and perhaps on.
pub(in crate::device) fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&Sender<Result<T, DeviceError>>) + Send + 'static,
) -> Result<(T, JoinHandle<()>), DeviceError> {
    let (answer, answered) = bounded(1);
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || work(&answer));
    let thread = thread.map_err(|error| DeviceError {
        message: format!("no thread for the {name}: {error}"),
        hint: None,
    })?;
    match answered.recv_timeout(ANSWER_LIMIT) {
        Ok(answer) => Ok((answer?, thread)),
        Err(RecvTimeoutError::Timeout) => {
            let message = format!("the {name} did not answer in {} s", ANSWER_LIMIT.as_secs());
            Err(DeviceError {
                message,
                hint: None,
            })
        }
        Err(RecvTimeoutError::Disconnected) => {
            let message = format!("the driver of the {name} crashed while starting");
            Err(DeviceError {
                message,
                hint: None,
            })
        }
    }
}

/// Waits for a thread that was told to end, but not for ever: a device that hangs
/// keeps its thread, nobody else's.
pub(in crate::device) fn join(thread: JoinHandle<()>) {
    let start = Instant::now();
    while !thread.is_finished() {
        if start.elapsed() > STOP_LIMIT {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    // A panic was told already, by whoever waited for a frame.
    drop(thread.join());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_is_an_error() {
        let answer = on_thread::<()>("thing", |_| panic!("on purpose"));
        assert_eq!(
            answer.unwrap_err().message,
            "the driver of the thing crashed while starting"
        );
    }
}
