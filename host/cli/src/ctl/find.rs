//! Which pipeline is meant.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::plain;
use crate::failure::Failure;
use crate::human::{self, Align};
use crate::sockets;

/// How long one of several may take to say its name.
const NAME_TIME: Duration = Duration::from_secs(1);

/// Connects to the pipeline of a socket, or to the only one that runs.
pub(super) fn connect(socket: Option<&Path>) -> Result<Connection, Failure> {
    if let Some(path) = socket {
        return Connection::open(path);
    }
    let mut running: Vec<PathBuf> = sockets::folders()
        .flat_map(|folder| sockets::sockets_in(&folder))
        .filter(|path| !sockets::is_stale(path))
        .collect();
    match (running.pop(), running.is_empty()) {
        (None, _) => Err(Failure::usage(
            "no pipeline with a control socket is running",
            "start one with `millstream launch --control …`, or name its socket: `--socket PATH`",
        )),
        (Some(path), true) => Connection::open(&path),
        (Some(last), false) => {
            running.push(last);
            Err(several(&running))
        }
    }
}

fn several(running: &[PathBuf]) -> Failure {
    let row = |path: &PathBuf| {
        let connection = Connection::try_open(path, Instant::now() + NAME_TIME);
        let name = connection.map_or_else(
            |_| "(does not answer)".to_owned(),
            |connection| plain(&connection.greeting.pipeline),
        );
        vec![format!("  {name}"), path.display().to_string()]
    };
    let rows: Vec<Vec<String>> = running.iter().map(row).collect();
    let table = human::table(&rows, &[Align::Left, Align::Left]);
    Failure::usage(
        format!("several pipelines are running\n{}", table.trim_end()),
        "name the socket of one: `millstream ctl --socket PATH …`",
    )
}
