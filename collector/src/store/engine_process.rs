//! The process that is the embedded engine: this program once more, as `toolsight-collector engine`.

use std::{
    ffi::{CString, OsString},
    fs::TryLockError,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, poll};

use super::{engine_folder::lock_file, engine_library};
use crate::priority;

/// The hidden subcommand under which the collector starts itself as the engine.
pub const SUBCOMMAND: &str = "engine";

/// How long the engine may take to end once the collector has gone or closed the pipe. It waits 5 s for queries that run.
const LONGEST_STOP: Duration = Duration::from_secs(15);
/// How long the engine of a collector before this one may take to leave the folder.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Serves until standard input ends, then ends the process. `arguments` are those behind the subcommand:
/// `LIBRARY FOLDER`. Never called by hand; what goes wrong is printed to standard error, which the collector keeps.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ! {
    let status = match serve(arguments.into_iter().collect()) {
        Ok(()) => 0,
        Err(reason) => {
            report(&reason);
            1
        }
    };
    engine_library::leave(status)
}

#[expect(clippy::print_stderr, reason = "the collector reads this process's standard error")]
fn report(reason: &str) {
    eprintln!("{reason}");
}

fn serve(arguments: Vec<OsString>) -> Result<(), String> {
    let Ok([library, folder]) = <[OsString; 2]>::try_from(arguments) else {
        return Err(format!("usage: toolsight-collector {SUBCOMMAND} LIBRARY FOLDER"));
    };
    let (library, folder) = (PathBuf::from(library), PathBuf::from(folder));
    // First, since threads begin with the priority of the one that makes them.
    priority::give_way();
    let lock = lock_file(&folder, "engine.lock").map_err(|error| error.to_string())?;
    let deadline = Instant::now() + LONGEST_WAIT;
    while let Err(error) = lock.try_lock() {
        match error {
            TryLockError::WouldBlock if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
            TryLockError::WouldBlock => return Err(format!("another engine still serves {}", folder.display())),
            TryLockError::Error(error) => return Err(error.to_string()),
        }
    }
    thread::spawn(leave_after_stdin);
    let config = folder.join("engine.xml").into_os_string().into_vec();
    let config = [b"--config-file=".to_vec(), config].concat();
    engine_library::run(&library, &command_line(config)?)
}

/// The last statement reads standard input, so the engine serves exactly as long as the collector holds the pipe.
fn command_line(config: Vec<u8>) -> Result<Vec<CString>, String> {
    let statements = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT count() FROM table";
    let arguments = [
        "--structure",
        "line String",
        "--input-format",
        "LineAsString",
        "--query",
        statements,
    ];
    let first = [b"clickhouse".to_vec(), config];
    let all = first
        .into_iter()
        .chain(arguments.map(|argument| argument.as_bytes().to_vec()));
    all.map(|argument| CString::new(argument).map_err(|error| error.to_string()))
        .collect()
}

/// Ends the process when the engine does not end by itself after its input has.
fn leave_after_stdin() {
    let stdin = std::io::stdin();
    // No event is asked for: the end of the pipe is always reported, and what comes in is the engine's.
    let mut pipe = [PollFd::new(&stdin, PollFlags::empty())];
    while let Err(rustix::io::Errno::INTR) | Ok(0) = poll(&mut pipe, None) {}
    thread::sleep(LONGEST_STOP);
    report("the engine did not stop in time");
    engine_library::leave(1)
}
