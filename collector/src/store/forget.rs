//! Deletes what is stored about one user, in every table that names users.

use clickhouse::query::Query;

use super::{StoreError, client::Clients, cluster, failure};

/// What was deleted from one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The table.
    pub table: String,
    /// Rows about the user before.
    pub rows: u64,
    /// Rows about the user afterwards; anything but 0 came in meanwhile.
    pub left: u64,
}

/// Deletes and waits until it is done on all replicas. Which tables name users is read from the tables themselves, so
/// that none is forgotten.
pub(super) async fn forget(clients: &Clients, user: &str, tenant: Option<&str>) -> Result<Vec<Forgotten>, StoreError> {
    let refused = |error| StoreError::Refused(failure::describe(&error, clients));
    let tables = "SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'user_id' \
        AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree') \
        ORDER BY table";
    let tables: Vec<String> = clients.writer.query(tables).fetch_all().await.map_err(refused)?;
    let condition = if tenant.is_some() {
        "user_id = ? AND tenant = ?"
    } else {
        "user_id = ?"
    };
    let bound = |statement: &str| -> Query {
        let query = clients
            .writer
            .query(&format!("{statement} WHERE {condition}"))
            .bind(user);
        match tenant {
            Some(tenant) => query.bind(tenant),
            None => query,
        }
    };
    let on = clients.cluster.as_deref();
    let mut forgotten = Vec::new();
    for table in tables {
        let table = cluster::asked(&table, on).to_owned();
        let count = || bound(&format!("SELECT count() FROM `{table}`")).fetch_one::<u64>();
        let rows = count().await.map_err(refused)?;
        if rows > 0 {
            let delete = format!("ALTER TABLE {} DELETE", cluster::everywhere(&table, on));
            let delete = bound(&delete).with_setting("mutations_sync", "2");
            delete.execute().await.map_err(refused)?;
        }
        let left = count().await.map_err(refused)?;
        forgotten.push(Forgotten { table, rows, left });
    }
    Ok(forgotten)
}
