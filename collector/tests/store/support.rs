use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use toolsight_collector::{
    pipeline::InsertError,
    row::Row,
    store::{Block, Location, Store, StoreConfig, StoreError, StoreState},
    telemetry::Metrics,
};

pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_toolsight-collector");

pub(crate) async fn open(location: Location) -> Result<Store, StoreError> {
    open_with(StoreConfig::new(location)).await
}

pub(crate) async fn open_with(config: StoreConfig) -> Result<Store, StoreError> {
    let config = StoreConfig {
        engine_program: Some(PROGRAM.into()),
        ..config
    };
    Store::open(config, Metrics::new().unwrap(), |_| {}).await
}

/// A store in a folder of its own, ready.
pub(crate) struct Embedded {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

impl Embedded {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(Location::Embedded(folder.path().to_owned())).await.unwrap();
        ready(&store).await;
        Self { store, folder }
    }
}

pub(crate) async fn ready(store: &Store) {
    let waited = timeout(DEADLINE, store.ready()).await;
    waited.unwrap_or_else(|_| panic!("not ready in time: {:?}", store.state()));
}

/// Waits for a state that is unreachable for a reason with this text.
pub(crate) async fn unreachable(store: &Store, text: &str) -> String {
    let found = |state: &StoreState| matches!(state, StoreState::Unreachable(reason) if reason.contains(text));
    let mut states = store.states();
    let state = timeout(DEADLINE, states.wait_for(found)).await;
    match state {
        Ok(Ok(state)) => match &*state {
            StoreState::Unreachable(reason) => reason.clone(),
            other => panic!("{other:?}"),
        },
        _ => panic!("no reason with {text:?} but {:?}", store.state()),
    }
}

/// Polls until the condition holds.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Inserts as the pipeline does: again and again with the same token.
pub(crate) async fn insert_for_ever(store: &Store, rows: &[Row<'_>], token: &str) {
    let block = rows.iter().collect();
    let insert = async {
        while let Err(error) = store.insert(&block, token).await {
            assert!(matches!(error, InsertError::Retryable(_)), "{error:?}");
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, insert).await.expect("the insert never succeeded");
}

pub(crate) async fn number(store: &Store, query: &str) -> u64 {
    store.reader().query(query).fetch_one().await.unwrap()
}

pub(crate) async fn json(store: &Store, query: &str) -> Vec<Value> {
    let bytes = store
        .reader()
        .query(query)
        .fetch_bytes("JSONEachRow")
        .unwrap()
        .collect()
        .await
        .unwrap();
    serde_json::Deserializer::from_slice(&bytes)
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

pub(crate) fn block(rows: &[Row<'_>]) -> Block {
    rows.iter().collect()
}

/// Rows of one minute of today that differ in every column.
pub(crate) fn rows(count: u64) -> Vec<Row<'static>> {
    (0..count).map(row).collect()
}

/// Some minute of now, in microseconds: rows that are older than the table keeps are gone at once.
pub(crate) fn today() -> i64 {
    static MINUTE: LazyLock<i64> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        (now - now % 60) as i64 * 1_000_000
    });
    *MINUTE
}

fn row(n: u64) -> Row<'static> {
    let text = |name: &str, variants: u64| -> Cow<'static, str> {
        match n % variants {
            0 => Cow::default(),
            1 => format!("{name} \u{1f980} \0 \\ ' \" \r\n\t {}", "é".repeat(100)).into(),
            variant => format!("{name}-{variant}").into(),
        }
    };
    let bytes = |shift: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(shift).to_be_bytes();
    Row {
        time: today() + (n % 19_000_000) as i64,
        tenant: text("tenant", 3),
        server: text("server", 300),
        server_version: text("1", 5),
        instance: text("pod", 257),
        method: text("method", 7),
        kind: text("kind", 4),
        target: text("tool", 1000),
        resource_uri: text("file:///a", 11),
        outcome: text("outcome", 8),
        fault: ["server", "none", "caller", "auth", "client_gone"][n as usize % 5].into(),
        error_type: text("error", 6),
        rpc_code: [0, -32_603, i32::MIN, i32::MAX][n as usize % 4],
        http_status: [0, 200, u16::MAX][n as usize % 3],
        message: text("message", 13),
        duration_us: if n % 50 == 1 { u64::MAX >> 20 } else { n * 10 },
        first_byte_us: n * 3,
        request_bytes: n << 20,
        response_bytes: n << 30,
        client: text("client", 9),
        client_version: text("2", 10),
        client_bridge: text("mcp-remote", 3),
        protocol_version: text("2026-07-28", 4),
        transport: text("stdio", 3),
        session_id: text("session", 500),
        user_id: text("user", 40),
        request_id: n.to_string().into(),
        direction: text("to", 3),
        chain_id: text("chain", 300),
        args_hash: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        invalid_arguments: text("city", 5),
        result_flags: text("empty", 4),
        content_types: text("image", 3),
        header_mismatch: text("name", 2),
        attempt: (n % 70_000) as u16,
        waited_us: n << 10,
        progress: n as u32,
        definition_hash: !n,
        definition_bytes: (n << 3) as u32,
        arguments: text("{}", 17),
        result: text("[]", 19),
        weight: 1 + (n % 3) as u32,
        trace_id: [bytes(1), bytes(2)].concat().try_into().unwrap(),
        span_id: bytes(3),
        parent_span_id: bytes(4),
    }
}

/// What a server of these days is installed with, and the one that it may be set to besides.
const STRICT: &str = "<access_control_improvements>\
    <users_without_row_policies_can_read_rows>true</users_without_row_policies_can_read_rows>\
    <on_cluster_queries_require_cluster_grant>true</on_cluster_queries_require_cluster_grant>\
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>\
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>\
    <settings_constraints_replace_previous>true</settings_constraints_replace_previous>\
    <table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>";

/// The engine's processes that serve a folder.
pub(crate) fn engines(folder: &Path) -> Vec<Pid> {
    let folder = folder.canonicalize().unwrap();
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let serves = |id: &i32| {
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let arguments: Vec<_> = command.split(|&byte| byte == 0).collect();
        arguments.get(1) == Some(&&b"engine"[..]) && arguments.contains(&folder.as_os_str().as_encoded_bytes())
    };
    processes.filter(serves).filter_map(Pid::from_raw).collect()
}

pub(crate) fn kill(process: Pid) {
    kill_process(process, Signal::KILL).unwrap();
}

/// A ClickHouse that is not the store's own: the same engine, started by hand, with a user `admin` who may do everything.
pub(crate) struct Server {
    pub(crate) port: u16,
    tcp_port: u16,
    pub(crate) folder: TempDir,
    process: Option<Child>,
}

impl Server {
    pub(crate) async fn new() -> Self {
        let server = Self::unconfigured().await;
        server.configure("");
        server
    }

    /// With further users, and as strict with rights as a server can be.
    pub(crate) async fn with_users(users: &str) -> Self {
        let server = Self::unconfigured().await;
        server.configure(STRICT);
        server.add_users(users);
        server
    }

    /// Two that know each other as the shards of the cluster `pair`.
    pub(crate) async fn pair() -> [Self; 2] {
        Self::pair_that("").await
    }

    /// The same with further users, and as strict with rights as servers can be.
    pub(crate) async fn pair_with_users(users: &str) -> [Self; 2] {
        let pair = Self::pair_that(STRICT).await;
        pair.iter().for_each(|server| server.add_users(users));
        pair
    }

    async fn pair_that(more: &str) -> [Self; 2] {
        let pair = [Self::unconfigured().await, Self::unconfigured().await];
        let shards = pair.each_ref().map(|server| {
            format!(
                "<shard><replica><host>127.0.0.1</host><port>{}</port><user>admin</user><password>p@ss</password></replica></shard>",
                server.tcp_port
            )
        });
        let cluster = format!(
            "<remote_servers><pair>{}</pair></remote_servers>{more}",
            shards.concat()
        );
        pair.iter().for_each(|server| server.configure(&cluster));
        pair
    }

    async fn unconfigured() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, tcp_port) = (free.local_addr().unwrap().port(), other.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        Self {
            port,
            tcp_port,
            folder,
            process: None,
        }
    }

    fn configure(&self, more: &str) {
        let Self { port, tcp_port, .. } = self;
        let (path, config) = (self.folder.path().join("data"), self.folder.path().join("engine.xml"));
        fs::create_dir(&path).unwrap();
        let xml = format!(
            "<clickhouse><path>{}</path><users_config>{}</users_config><listen_host>127.0.0.1</listen_host>\
             <http_port>{port}</http_port><tcp_port>{tcp_port}</tcp_port>{more}\
             <profiles><default/></profiles><quotas><default/></quotas><users>\
             <default><no_password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>\
             <admin><password>p@ss</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></admin>\
             </users></clickhouse>",
            path.display(),
            config.display(),
        );
        fs::write(config, xml).unwrap();
    }

    /// A file of its own, as it would be mounted into a server.
    fn add_users(&self, file: &str) {
        let folder = self.folder.path().join("engine.d");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("users.xml"), file).unwrap();
    }

    pub(crate) fn start(&mut self) {
        let library = library();
        let process = Command::new(PROGRAM)
            .arg("engine")
            .args([&library, self.folder.path()])
            .env("TOOLSIGHT_CLICKHOUSE_PASSWORD", "of-toolsight")
            .env("TOOLSIGHT_GRAFANA_CLICKHOUSE_PASSWORD", "of-grafana")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        drop(process.stdin.take());
        timeout(DEADLINE, process.wait()).await.unwrap().unwrap();
    }

    pub(crate) fn location(&self, user_and_password: &str) -> Location {
        format!("http://{user_and_password}@127.0.0.1:{}/observed", self.port)
            .parse()
            .unwrap()
    }
}

/// The library that opening an embedded store has put into the cache.
pub(crate) fn library() -> PathBuf {
    let cache = directories::ProjectDirs::from("", "", "toolsight")
        .unwrap()
        .cache_dir()
        .join("engine");
    let versions = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("libchdb.so"));
    versions
        .filter(|path| path.exists())
        .max()
        .expect("no embedded store was opened before")
}
