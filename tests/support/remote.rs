//! A ClickHouse that runs elsewhere: the same engine as a server of its own, which a test ends and starts as it likes.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use toolsight_collector::store::fetch_engine;

use super::{eventually, program};

/// A server with one user who may do everything, at an address that stays the same.
pub(crate) struct Remote {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Remote {
    /// A server that does not run yet.
    pub(crate) fn new() -> Self {
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            (listener, port)
        };
        let ((_one, port), (_other, tcp_port)) = (free(), free());
        let folder = tempfile::tempdir().unwrap();
        let (path, config) = (folder.path().join("data"), folder.path().join("engine.xml"));
        std::fs::create_dir(&path).unwrap();
        let xml = format!(
            "<clickhouse><path>{}</path><users_config>{}</users_config><listen_host>127.0.0.1</listen_host>\
             <http_port>{port}</http_port><tcp_port>{tcp_port}</tcp_port>\
             <profiles><default/></profiles><quotas><default/></quotas><users>\
             <default><no_password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>\
             <admin><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></admin>\
             </users></clickhouse>",
            path.display(),
            config.display(),
        );
        std::fs::write(config, xml).unwrap();
        Self {
            port,
            folder,
            process: None,
        }
    }

    /// Starts it, with what it had when it ran before.
    pub(crate) async fn start(&mut self) {
        let library = fetch_engine(None, |_| {}).await.unwrap();
        let process = Command::new(program("toolsight-collector"))
            .arg("engine")
            .args([library.as_path(), self.folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.process = Some(process.unwrap());
        eventually("the server answers", || async {
            let url = format!("http://127.0.0.1:{}/ping", self.port);
            reqwest::get(url).await.ok()
        })
        .await;
    }

    /// Ends it as the system would.
    pub(crate) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    /// What a collector is told of it.
    pub(crate) fn location(&self) -> String {
        format!("http://admin:secret@127.0.0.1:{}/toolsight", self.port)
    }

    /// Where its HTTP interface listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The number that it answers with.
    pub(crate) async fn ask(&self, query: &str) -> u64 {
        let url = format!("http://127.0.0.1:{}", self.port);
        let client = reqwest::Client::new();
        let asked = client
            .post(url)
            .basic_auth("admin", Some("secret"))
            .body(query.to_owned());
        let answer = asked.send().await.unwrap().text().await.unwrap();
        let count = answer.trim().parse();
        count.unwrap_or_else(|_| panic!("{query}: {answer}"))
    }
}
