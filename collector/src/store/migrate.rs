//! Brings the tables to the shape that this program needs: numbered files, applied once, recorded in `schema_version`.
//!
//! Several collectors may start at once: one of them at a time works here. It may also die half way, after which the file
//! is applied again from its beginning. Statements that change nothing the second time need no care. A file that moves
//! data ends with the view that is fed from then on: where that view is there, all of the file has happened.

use clickhouse::{error::Error, sql::Identifier};
use sha2::{Digest, Sha256};

use super::{client::Clients, cluster, migration_lock::locked, standstill};

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../schema/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_calls"),
    migration!(2, "0002_calls_by_minute"),
    migration!(3, "0003_call_details"),
    migration!(4, "0004_call_codecs"),
    migration!(5, "0005_rollups"),
    migration!(6, "0006_users_per_day"),
    migration!(7, "0007_sessions"),
    migration!(8, "0008_errors_per_day"),
    migration!(9, "0009_tool_definitions"),
    migration!(10, "0010_client_tools_per_hour"),
    migration!(11, "0011_calls_between"),
    migration!(12, "0012_tenant_users_per_day"),
    migration!(13, "0013_chain_filters"),
    migration!(14, "0014_batches"),
    migration!(15, "0015_tool_health"),
    migration!(16, "0016_tenant_calls"),
    migration!(17, "0017_tenant_calls_between"),
    migration!(18, "0018_header_mismatch"),
    migration!(19, "0019_tenant_client_tools_per_day"),
    migration!(20, "0020_client_tools_between"),
    migration!(21, "0021_client_calls_per_hour"),
    migration!(22, "0022_client_calls_between"),
    migration!(23, "0023_client_tools_of_range"),
    migration!(24, "0024_small_blocks"),
];

const SCHEMA_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version \
    (version UInt32, name String, checksum String, applied DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) \
    ENGINE = ReplacingMergeTree ORDER BY version";

const MATERIALIZED_VIEW: &str = "CREATE MATERIALIZED VIEW IF NOT EXISTS ";

/// What is there already may be much more than fits into memory, and spans many days. In a cluster, each shard fills its own.
const FILL_SETTINGS: &str = "SETTINGS max_bytes_before_external_group_by = 200000000, max_threads = 2, \
    max_partitions_per_insert_block = 0, insert_deduplicate = 0, distributed_product_mode = 'allow', \
    parallel_distributed_insert_select = 2";

/// Why the tables could not be brought into shape.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    #[error(transparent)]
    Client(#[from] Error),
    #[error(
        "database {database} has schema version {found}, and this program knows {known} at most: \
         run a newer toolsight-collector or name another database"
    )]
    Newer { database: String, found: u32, known: u32 },
    #[error(
        "database {database} has another schema {name} than this program: \
         run the toolsight-collector that made it or name another database"
    )]
    Differs { database: String, name: String },
}

/// Applies what is missing.
pub(super) async fn migrate(clients: &Clients) -> Result<(), MigrateError> {
    create_database(clients).await?;
    if !is_up_to_date(clients).await? {
        locked(clients, apply(clients)).await?;
    }
    Ok(())
}

async fn is_up_to_date(clients: &Clients) -> Result<bool, MigrateError> {
    if !exists(clients, "schema_version").await? {
        return Ok(false);
    }
    let applied = applied(clients).await?;
    check(&applied, &clients.database)?;
    Ok(applied.len() == MIGRATIONS.len())
}

async fn apply(clients: &Clients) -> Result<(), MigrateError> {
    execute(clients, SCHEMA_VERSION).await?;
    let applied = applied(clients).await?;
    check(&applied, &clients.database)?;
    standstill::end_fills(clients).await?;
    for migration in &MIGRATIONS[applied.len()..] {
        let statements = statements(migration.sql);
        match moved_when(&statements) {
            Some(view) => move_data(clients, &statements, view).await?,
            None => run(clients, &statements).await?,
        }
        record(clients, migration, &checksum(&statements)).await?;
        tracing::info!(
            version = migration.version,
            name = migration.name,
            "schema migration applied"
        );
    }
    Ok(())
}

/// Nothing is to be done again where the view that comes last is there. Where something fails, batches stay out until an
/// attempt comes to its end: what a dropped view would have made of them, no statement makes later.
async fn move_data(clients: &Clients, statements: &[String], last: &str) -> Result<(), Error> {
    if !exists(clients, last).await? {
        standstill::close(clients).await?;
        run(clients, &filled(statements)).await?;
    }
    // Also where the attempt before went so far and no further.
    standstill::open(clients).await
}

async fn run(clients: &Clients, statements: &[String]) -> Result<(), Error> {
    for statement in statements {
        execute(clients, statement).await?;
    }
    Ok(())
}

async fn execute(clients: &Clients, statement: &str) -> Result<(), Error> {
    if statement.starts_with("INSERT INTO ") {
        return fill(clients, statement).await;
    }
    for statement in cluster::statements(statement, clients.cluster.as_deref()) {
        clients.writer.query_raw(&statement).execute().await?;
    }
    Ok(())
}

async fn fill(clients: &Clients, statement: &str) -> Result<(), Error> {
    let statement = match clients.cluster {
        Some(_) => cluster::filling(statement, &clients.database),
        None => statement.to_owned(),
    };
    let query = clients.writer.query_raw(&statement);
    query
        .with_setting("query_id", standstill::fill_id(clients))
        .execute()
        .await
}

async fn exists(clients: &Clients, table: &str) -> Result<bool, Error> {
    let query = clients
        .writer
        .query("SELECT count() FROM system.tables WHERE database = ? AND name = ?");
    let count = query.bind(&clients.database).bind(table).fetch_one::<u64>().await?;
    Ok(count > 0)
}

/// All statements that make the database and its tables from nothing, as they run where `cluster` is set, and the records
/// by which a collector knows them: it finds nothing left to do.
pub(super) fn ddl(database: &str, cluster: Option<&str>) -> Vec<String> {
    let everywhere = cluster.map(|cluster| format!(" ON CLUSTER `{cluster}`"));
    // Where the database is there, the script ends here: it would empty tables.
    let create = format!("CREATE DATABASE `{database}`{}", everywhere.unwrap_or_default());
    let mut all = vec![create, format!("USE `{database}`")];
    all.extend(cluster::statements(SCHEMA_VERSION, cluster));
    // What is recorded has to be there at once, not some time later.
    let settings = cluster.map_or("", |_| "SETTINGS distributed_foreground_insert = 1 ");
    for Migration { version, name, sql } in MIGRATIONS {
        let statements = statements(sql);
        let on_all = statements
            .iter()
            .flat_map(|statement| cluster::statements(statement, cluster));
        all.extend(on_all);
        let checksum = checksum(&statements);
        all.push(format!(
            "INSERT INTO schema_version (version, name, checksum) {settings}VALUES ({version}, '{name}', '{checksum}')"
        ));
    }
    all
}

async fn create_database(clients: &Clients) -> Result<(), Error> {
    // Asked first, because a user may well work in a database without the right to create it.
    let (there, wanted, everywhere) = match &clients.cluster {
        Some(cluster) => (
            format!("clusterAllReplicas('{cluster}', system.databases)"),
            format!("(SELECT count() FROM system.clusters WHERE cluster = '{cluster}')"),
            format!(" ON CLUSTER `{cluster}`"),
        ),
        None => ("system.databases".to_owned(), "1".to_owned(), String::new()),
    };
    // What stands in brackets could be null for all that the server knows.
    let query = format!("SELECT assumeNotNull(count() >= {wanted}) FROM {there} WHERE name = ?");
    let query = clients.server.query(&query).bind(&clients.database);
    if query.fetch_one::<u8>().await? == 0 {
        let create = format!("CREATE DATABASE IF NOT EXISTS ?{everywhere}");
        let create = clients.server.query(&create);
        create.bind(Identifier(&clients.database)).execute().await?;
    }
    Ok(())
}

async fn applied(clients: &Clients) -> Result<Vec<(u32, String)>, Error> {
    let query = "SELECT version, argMax(checksum, applied) FROM schema_version GROUP BY version ORDER BY version";
    clients.writer.query(query).fetch_all::<(u32, String)>().await
}

fn check(applied: &[(u32, String)], database: &str) -> Result<(), MigrateError> {
    let database = database.to_owned();
    if let Some((found, _)) = applied.get(MIGRATIONS.len()) {
        let found = applied.last().map_or(*found, |(last, _)| *last);
        return Err(MigrateError::Newer {
            database,
            found,
            known: MIGRATIONS.len() as u32,
        });
    }
    for (migration, (version, recorded)) in MIGRATIONS.iter().zip(applied) {
        if migration.version != *version || checksum(&statements(migration.sql)) != *recorded {
            return Err(MigrateError::Differs {
                database,
                name: migration.name.to_owned(),
            });
        }
    }
    Ok(())
}

async fn record(clients: &Clients, migration: &Migration, checksum: &str) -> Result<(), Error> {
    let query = clients
        .writer
        .query("INSERT INTO schema_version (version, name, checksum) VALUES (?, ?, ?)");
    query
        .bind(migration.version)
        .bind(migration.name)
        .bind(checksum)
        .execute()
        .await
}

/// The statements of a file, without comments. A statement ends where a line ends with a semicolon.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<_> = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    let statements = code.join("\n");
    let statements = statements
        .split_inclusive(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').trim_end());
    statements
        .filter(|statement| !statement.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The view that ends a file that moves data.
fn moved_when(statements: &[String]) -> Option<&str> {
    let moves = statements
        .iter()
        .any(|statement| statement.starts_with("TRUNCATE TABLE ") || statement.starts_with("INSERT INTO "));
    let last = statements.last().filter(|_| moves)?;
    last.strip_prefix(MATERIALIZED_VIEW)?.split(' ').next()
}

/// The statements, and in front of a view, where its table was emptied before, what it would have written so far.
fn filled(statements: &[String]) -> Vec<String> {
    let mut filled = Vec::new();
    let mut emptied = "";
    for statement in statements {
        let view = statement.strip_prefix(MATERIALIZED_VIEW);
        if let Some((head, select)) = view.and_then(|view| view.split_once(" AS\n"))
            && head.split(" TO ").nth(1) == Some(emptied)
        {
            filled.push(format!("INSERT INTO {emptied}\n{select}\n{FILL_SETTINGS}"));
        }
        emptied = statement.strip_prefix("TRUNCATE TABLE ").unwrap_or(emptied);
        filled.push(statement.clone());
    }
    filled
}

/// Of the statements and not of the file, so that a better comment is not another schema.
fn checksum(statements: &[String]) -> String {
    let mut sha = Sha256::new();
    statements.iter().for_each(|statement| sha.update(statement));
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schema");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.collect();
        files.sort();
        let listed: Vec<_> = MIGRATIONS
            .iter()
            .map(|migration| format!("{}.sql", migration.name))
            .collect();
        assert_eq!(files, listed);
        for (at, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, at + 1);
            assert!(
                migration.name.starts_with(&format!("{:04}_", migration.version)),
                "{}",
                migration.name
            );
        }
    }

    #[test]
    fn every_statement_does_nothing_the_second_time() {
        for migration in MIGRATIONS {
            let statements = statements(migration.sql);
            assert!(!statements.is_empty(), "{}", migration.name);
            let moves_data = moved_when(&statements).is_some();
            for statement in statements {
                let (first, more) = statement.split_once('\n').unwrap_or((&statement, ""));
                let repeatable = match first.split_once(' ').unwrap().0 {
                    "ALTER" if more.is_empty() => {
                        first.contains(" DROP INDEX IF EXISTS ")
                            || first.contains(" ADD INDEX IF NOT EXISTS ")
                            || first.contains(" MATERIALIZE INDEX IF EXISTS ")
                    }
                    "ALTER" => more.lines().all(|line| {
                        let line = line.trim_start();
                        ["ADD COLUMN IF NOT EXISTS ", "MODIFY COLUMN ", "MODIFY SETTING "]
                            .iter()
                            .any(|change| line.starts_with(change))
                    }),
                    "CREATE" => first.contains(" IF NOT EXISTS ") || first.contains(" OR REPLACE "),
                    "DROP" => first.contains(" IF EXISTS "),
                    "TRUNCATE" | "INSERT" => moves_data,
                    _ => false,
                };
                assert!(repeatable, "{statement}");
                assert!(!statement.contains(';'), "{statement}");
            }
        }
    }

    #[test]
    fn a_table_is_filled_with_what_its_view_would_have_written() {
        let file =
            statements("TRUNCATE TABLE t;\nCREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS\nSELECT a\nFROM calls;\n");
        assert_eq!(moved_when(&file), Some("v"));
        let filled = filled(&file);
        assert_eq!(filled[0], "TRUNCATE TABLE t");
        assert_eq!(
            filled[1],
            format!("INSERT INTO t\nSELECT a\nFROM calls\n{FILL_SETTINGS}")
        );
        assert_eq!(filled[2], file[1]);
        assert_eq!(moved_when(&file[1..]), None, "a view alone moves nothing");
    }

    #[test]
    fn comments_and_the_last_semicolon_are_left_out() {
        assert_eq!(
            statements("-- one;\nSELECT ';'\n  -- two\n;\n\nSELECT 2;"),
            ["SELECT ';'", "SELECT 2"]
        );
        assert_eq!(
            checksum(&statements("SELECT 1;")),
            checksum(&statements("-- why\nSELECT 1;\n"))
        );
        assert_ne!(checksum(&statements("SELECT 1;")), checksum(&statements("SELECT 2;")));
    }
}
