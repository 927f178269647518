//! The real database for tests: one engine for the test program, one database for each test.

use std::{
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use clickhouse::Client;
use tokio::sync::OnceCell;

const SCHEMA: [&str; 2] = [
    include_str!("../../schema/0001_calls.sql"),
    include_str!("../../schema/0002_calls_by_minute.sql"),
];

/// Runs the engine's own command line; it lives until its standard input ends, so until this process does.
const RUN: &str = "
import ctypes, sys
arguments = [argument.encode() for argument in ['clickhouse'] + sys.argv[2:]]
ctypes.CDLL(sys.argv[1]).chdb_query_cmdline(len(arguments), (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None))
";

/// An empty database with all tables.
pub(crate) struct TestEngine {
    /// Where the engine listens.
    pub(crate) url: String,
    /// Reads and writes the database.
    pub(crate) client: Client,
}

struct Engine {
    url: String,
    _process: Child,
}

static ENGINE: OnceCell<Engine> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Starts the engine, if it does not run yet, and makes a new database.
pub(crate) async fn start() -> TestEngine {
    let url = ENGINE.get_or_init(run).await.url.clone();
    let server = Client::default().with_url(&url);
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server
        .query_raw(&format!("CREATE DATABASE {name}"))
        .execute()
        .await
        .unwrap();
    let client = server.with_database(name);
    for statement in SCHEMA.iter().flat_map(|script| script.split_inclusive(";\n")) {
        client.query_raw(statement).execute().await.unwrap();
    }
    TestEngine { url, client }
}

async fn run() -> Engine {
    let library = std::env::var("TOOLSIGHT_ENGINE_LIBRARY").expect("TOOLSIGHT_ENGINE_LIBRARY names libchdb.so");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine");
    let _ = std::fs::remove_dir_all(&folder);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut process = Command::new("python3")
        .args(["-c", RUN, &library])
        .arg(format!("--path={}", folder.display()))
        .arg(format!("--http_port={port}"))
        .args([
            "--listen_host=127.0.0.1",
            "--structure=x String",
            "--input-format=LineAsString",
        ])
        .arg("--query=SYSTEM START LISTEN HTTP; SELECT count() FROM table")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.as_mut().unwrap().flush().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while Client::default()
        .with_url(&url)
        .query_raw("SELECT 1")
        .execute()
        .await
        .is_err()
    {
        assert!(Instant::now() < deadline, "the engine does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Engine { url, _process: process }
}
