//! Who calls in a session, for calls that do not tell it.

use std::time::Duration;

use clickhouse::error::Error;
use tokio::time::timeout;

use super::client::Clients;
use crate::pipeline::{Caller, Session};

/// How long the calls of a batch wait for the answer; without it they are stored with no client.
const PATIENCE: Duration = Duration::from_secs(2);

const QUERY: &str = "SELECT tenant, server, session_id, max(client) AS name, max(client_version), max(protocol_version) \
    FROM sessions WHERE (tenant, server, session_id) IN ? GROUP BY tenant, server, session_id HAVING name != ''";

/// The clients of these sessions, as far as the store knows them and tells in time.
pub(super) async fn clients_of(clients: &Clients, sessions: &[Session]) -> Vec<(Session, Caller)> {
    match timeout(PATIENCE, ask(clients, sessions)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the store does not tell the clients of sessions");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

async fn ask(clients: &Clients, sessions: &[Session]) -> Result<Vec<(Session, Caller)>, Error> {
    let keys: Vec<_> = sessions
        .iter()
        .map(|session| (&*session.tenant, &*session.server, &*session.id))
        .collect();
    let query = clients.reader.query(QUERY).bind(keys);
    let found = query
        .fetch_all::<(String, String, String, String, String, String)>()
        .await?;
    let rows = found
        .into_iter()
        .map(|(tenant, server, id, name, version, protocol_version)| {
            let session = Session {
                tenant: tenant.into(),
                server: server.into(),
                id: id.into(),
            };
            let client = Caller {
                name: name.into(),
                version: version.into(),
                protocol_version: protocol_version.into(),
            };
            (session, client)
        });
    Ok(rows.collect())
}
