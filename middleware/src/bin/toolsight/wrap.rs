//! A server of standard input and output as a child, and its client at this process's own.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use toolsight::Toolsight;

use crate::signals::Signals;

/// How long the output of a server that has ended is passed on while somebody else, as a child of its own, has it open.
const REST: Duration = Duration::from_secs(2);
/// What is passed on at once: as much as a pipe holds, since each time costs two threads that wake each other.
const CHUNK: usize = 64 << 10;

/// Passes everything between the server and its client through until the server has ended, and returns its status.
///
/// # Errors
/// If the process's own pipes or signals cannot be had.
pub(crate) async fn run(command: &[OsString], toolsight: &Toolsight) -> anyhow::Result<u8> {
    let mut signals = Signals::new().context("listen to signals")?;
    let (program, arguments) = command.split_first().context("no command")?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "toolsight: {} cannot be started: {error}",
                program.display()
            );
            let missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(if missing { 127 } else { crate::NOT_STARTED });
        }
    };
    let (Some(server_input), Some(server_output)) = (child.stdin.take(), child.stdout.take()) else {
        anyhow::bail!("the server has no pipes");
    };
    let (client_input, client_output) = toolsight.stdio();
    // The server's input closes with the client's, and is not read on when the server has closed it.
    let input = tokio::spawn(pass(client_input, server_input));
    let mut output = tokio::spawn(pass(server_output, client_output));
    let status = ended(&mut child, &mut signals).await.context("wait for the server")?;
    if timeout(REST, &mut output).await.is_err() {
        output.abort();
        let _ = output.await;
    }
    input.abort();
    toolsight.shutdown().await;
    Ok(code(status))
}

/// Passes on what is read, at once, until one of the two has ended; then tells the other.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk).await {
            Ok(0) => break,
            Ok(read) => {
                // It is on its way then without a flush, which would wait for it before more is read. Who cannot be written
                // to has gone, and the other one learns it by the end of its pipe.
                if to.write_all(&chunk[..read]).await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
    let _ = to.shutdown().await;
}

/// Waits for the end of the server, who is told of the signals that come meanwhile.
#[cfg(unix)]
async fn ended(child: &mut Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::IsTerminal as _;

    loop {
        let signal = tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => signal,
        };
        // A terminal sends an interrupt to the server as well.
        let is_told = signal == Signal::INT && io::stdin().is_terminal();
        if let Some(process) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            && !is_told
        {
            // It may have ended just now.
            let _ = kill_process(process, signal);
        }
    }
}

/// The same, where a terminal tells the server itself.
#[cfg(not(unix))]
async fn ended(child: &mut Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = signals.next() => {}
        }
    }
}

/// As a shell tells it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
