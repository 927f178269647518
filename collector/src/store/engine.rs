//! The embedded engine: a child process that is started again whenever it ends, at the same address.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    StoreConfig,
    client::Clients,
    engine_config::{EngineConfig, READER, WRITER},
    engine_folder::{EngineFolder, random_password},
    engine_log, engine_process,
    error::StoreError,
    location::{DEFAULT_DATABASE, Remote},
};

/// How long the first start may take before the store is left to come up in the background.
const FIRST_START: Duration = Duration::from_secs(60);
/// Starts at ports that others took first, and what the engine says of that.
const TRIES: u32 = 5;
const TAKEN: &str = "Address already in use";
/// How long the engine may take to end. Its own process gives up a little earlier.
const LONGEST_STOP: Duration = Duration::from_secs(20);
/// Wait before the engine is started again, doubled up to the second value while it ends at once.
const RESTART: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// An engine that served this long did not end at once.
const SERVED: Duration = Duration::from_secs(30);

/// The running engine. Dropping it ends the engine as well, without waiting.
pub(super) struct Engine {
    pub(super) clients: Clients,
    /// Where the engine speaks HTTP.
    pub(super) http: SocketAddr,
    stop: CancellationToken,
    /// Cancelled when nobody looks after the engine any more, whatever the reason.
    pub(super) ended: CancellationToken,
    supervisor: JoinHandle<()>,
}

impl Engine {
    /// Starts the engine on a locked folder and waits until it answers.
    ///
    /// # Errors
    /// Files or processes cannot be made, or the engine ends instead of serving.
    pub(super) async fn start(
        folder: EngineFolder,
        library: PathBuf,
        config: &StoreConfig,
        restarted: Arc<Notify>,
    ) -> Result<Self, StoreError> {
        let program = match &config.engine_program {
            Some(program) => program.clone(),
            None => std::env::current_exe().map_err(StoreError::System)?,
        };
        fs::create_dir_all(folder.data()).map_err(|source| StoreError::Folder {
            folder: folder.path().to_owned(),
            source,
        })?;
        let launch = Launch {
            program,
            library,
            folder,
        };
        let mut tries = 1;
        let (http, clients, process) = loop {
            let (http, clients) = launch.configure(config)?;
            match launch.first_start(http, &clients).await {
                Ok(process) => break (http, clients, process),
                // Between choosing a port and the engine's taking it, any program may take it.
                Err(StoreError::Engine { reason, .. }) if tries < TRIES && reason.contains(TAKEN) => {
                    tracing::warn!(reason, "the embedded engine is started again at another port");
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (stopped, end) = (stop.clone(), ended.clone().drop_guard());
        let supervisor = tokio::spawn(async move {
            let _end = end;
            supervise(launch, process, stopped, restarted).await;
        });
        Ok(Self {
            clients,
            http,
            stop,
            ended,
            supervisor,
        })
    }

    /// Ends the engine: queries that run have 5 s, then the tables are closed.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.supervisor).await {
            tracing::error!(%error, "the embedded engine's supervisor failed");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A port that is free now, kept so until the value is dropped, so that two calls give two ports.
fn free_port(wanted: u16) -> io::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).map_err(|error| {
        let message = format!("port {wanted} of 127.0.0.1 cannot be had: {error}");
        io::Error::new(error.kind(), message)
    })?;
    Ok((listener.local_addr()?, listener))
}

/// What every start of the engine needs. Holds the folder's lock.
struct Launch {
    program: PathBuf,
    library: PathBuf,
    folder: EngineFolder,
}

struct Process {
    child: Child,
    output: JoinHandle<String>,
    started: Instant,
}

impl Launch {
    /// Writes what the engine and those who ask it have to know; gives its address, and clients for it.
    fn configure(&self, config: &StoreConfig) -> Result<(SocketAddr, Clients), StoreError> {
        let ports = [config.engine_http_port, config.engine_tcp_port].map(free_port);
        let [http, tcp] = match ports {
            [Ok(http), Ok(tcp)] => [http.0, tcp.0],
            [Err(error), _] | [_, Err(error)] => return Err(StoreError::System(error)),
        };
        let folder = &self.folder;
        let (writer_password, reader_password) = (random_password(), folder.reader_password()?);
        let settings = EngineConfig {
            data: &folder.data(),
            http,
            tcp,
            memory_bytes: config.engine_memory_bytes,
            writer_password: &writer_password,
            reader_password: &reader_password,
        };
        folder.write_config(&settings.to_xml(&folder.config()))?;
        let writer = Remote {
            scheme: "http".to_owned(),
            host: http.ip().to_string(),
            port: http.port(),
            user: WRITER.to_owned(),
            password: writer_password,
            database: DEFAULT_DATABASE.to_owned(),
        };
        folder.write_access(&writer)?;
        let clients = Clients::embedded(&writer, READER, &reader_password).map_err(StoreError::Tls)?;
        Ok((http, clients))
    }

    /// Starts the engine and waits until it answers, or for [`FIRST_START`].
    async fn first_start(&self, http: SocketAddr, clients: &Clients) -> Result<Process, StoreError> {
        let mut process = self.spawn().map_err(StoreError::System)?;
        let started = Instant::now();
        let mut answers = clients.answers().await;
        while !answers && started.elapsed() < FIRST_START {
            if let Ok(Some(_)) = process.child.try_wait() {
                let (_, reason) = process.ended().await;
                return Err(StoreError::Engine {
                    reason,
                    log: self.folder.log(),
                });
            }
            sleep(Duration::from_millis(20)).await;
            answers = clients.answers().await;
        }
        let seconds = started.elapsed().as_secs_f32();
        if answers {
            tracing::info!(address = %http, seconds, "embedded engine started");
        } else {
            let log = self.folder.log();
            tracing::warn!(address = %http, seconds, log = %log.display(), "embedded engine does not answer yet");
        }
        Ok(process)
    }

    fn spawn(&self) -> io::Result<Process> {
        let mut child = Command::new(&self.program)
            .arg(engine_process::SUBCOMMAND)
            .args([&self.library, self.folder.path()])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Else Ctrl-C in a terminal would end the engine while the collector still has rows for it.
            .process_group(0)
            .spawn()?;
        let output = child
            .stderr
            .take()
            .ok_or_else(|| io::Error::other("no pipe for the engine's output"))?;
        let output = tokio::spawn(engine_log::copy(output, self.folder.log()));
        Ok(Process {
            child,
            output,
            started: Instant::now(),
        })
    }
}

impl Process {
    /// Waits for the end; gives the status and the last lines of output.
    async fn ended(&mut self) -> (io::Result<ExitStatus>, String) {
        // Waiting through `Child::wait` would close the pipe, which is what ends the engine.
        let stdin = self.child.stdin.take();
        let status = self.child.wait().await;
        drop(stdin);
        (status, (&mut self.output).await.unwrap_or_default())
    }

    async fn stop(&mut self) {
        drop(self.child.stdin.take());
        if timeout(LONGEST_STOP, self.child.wait()).await.is_ok() {
            return;
        }
        tracing::warn!("embedded engine does not stop and is killed");
        if let Err(error) = self.child.kill().await {
            tracing::error!(%error, "embedded engine cannot be killed");
        }
    }
}

async fn supervise(launch: Launch, mut process: Process, stop: CancellationToken, restarted: Arc<Notify>) {
    let mut wait = RESTART.0;
    loop {
        let (status, reason) = tokio::select! {
            ended = process.ended() => ended,
            () = stop.cancelled() => return process.stop().await,
        };
        if process.started.elapsed() > SERVED {
            wait = RESTART.0;
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(
            status,
            reason,
            wait_seconds = wait.as_secs_f32(),
            "embedded engine ended and is started again"
        );
        restarted.notify_one();
        process = loop {
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => return,
            }
            wait = (wait * 2).min(RESTART.1);
            match launch.spawn() {
                Ok(process) => break process,
                Err(error) => tracing::error!(%error, "embedded engine cannot be started"),
            }
        };
    }
}
