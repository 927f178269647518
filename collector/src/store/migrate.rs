//! Brings the tables to the shape that this program needs: numbered files, applied once, recorded in `schema_version`.
//!
//! Several collectors may start at once. Every statement says `IF NOT EXISTS` and does nothing the second time, so two of
//! them that apply the same file at the same moment end with the same tables and one record each, which counts as one.

use clickhouse::{error::Error, sql::Identifier};
use sha2::{Digest, Sha256};

use super::client::Clients;

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
];

const SCHEMA_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version \
    (version UInt32, name String, checksum String, applied DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) \
    ENGINE = ReplacingMergeTree ORDER BY version";

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
    clients.writer.query(SCHEMA_VERSION).execute().await?;
    let applied = applied(clients).await?;
    check(&applied, &clients.database)?;
    for migration in &MIGRATIONS[applied.len()..] {
        let statements = statements(migration.sql);
        for statement in &statements {
            clients.writer.query_raw(statement).execute().await?;
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

async fn create_database(clients: &Clients) -> Result<(), Error> {
    // Asked first, because a user may well work in a database without the right to create it.
    let query = clients
        .server
        .query("SELECT count() FROM system.databases WHERE name = ?");
    if query.bind(&clients.database).fetch_one::<u64>().await? == 0 {
        let create = clients.server.query("CREATE DATABASE IF NOT EXISTS ?");
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
            for statement in statements {
                let (first, more) = statement.split_once('\n').unwrap();
                let repeatable = if first.starts_with("ALTER TABLE ") {
                    more.lines()
                        .all(|line| line.trim_start().starts_with("ADD COLUMN IF NOT EXISTS "))
                } else {
                    first.starts_with("CREATE ") && first.contains(" IF NOT EXISTS ")
                };
                assert!(repeatable, "{statement}");
                assert!(!statement.contains(';'), "{statement}");
            }
        }
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
