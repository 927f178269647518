//! The one way to ClickHouse: its HTTP interface, once as the user who writes and once as one who only reads.

use clickhouse::{Client, Compression};

use super::location::Remote;

/// Seconds after which the server gives up a query of the reader, unless the query says otherwise.
pub(super) const READ_SECONDS: u32 = 30;

/// Clients of one database, as two users.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) writer: Client,
    pub(super) reader: Client,
    /// The writer without a database, for the time before that exists.
    pub(super) server: Client,
    pub(super) database: String,
    /// `host:port`, for messages.
    pub(super) place: String,
    /// The writer's name, for messages.
    pub(super) user: String,
}

impl Clients {
    /// Clients for a server with one user: its reader is held to reading by `readonly`.
    pub(super) fn remote(remote: &Remote) -> Self {
        let mut clients = Self::new(remote, &remote.user, &remote.password);
        // 2 and not 1, since 1 would also forbid the time limit beside it.
        clients.reader = clients
            .reader
            .with_setting("readonly", "2")
            .with_setting("max_execution_time", READ_SECONDS.to_string());
        clients
    }

    /// Clients for the embedded engine, where the reader is a user of its own and its limits stand in the profile.
    pub(super) fn embedded(writer: &Remote, reader: &str, password: &str) -> Self {
        Self::new(writer, reader, password)
    }

    fn new(remote: &Remote, reader: &str, password: &str) -> Self {
        let base = Client::default()
            .with_url(remote.url())
            .with_compression(Compression::Lz4);
        let server = base
            .clone()
            .with_user(&remote.user)
            .with_password(&remote.password)
            .with_setting("async_insert", "0");
        Self {
            writer: server.clone().with_database(&remote.database),
            reader: base
                .with_user(reader)
                .with_password(password)
                .with_database(&remote.database),
            server,
            database: remote.database.clone(),
            place: format!("{}:{}", remote.host, remote.port),
            user: remote.user.clone(),
        }
    }
}
