//! Which servers are new enough.
//!
//! 26.1 is the oldest that was tried and takes all of it: the tables, every question, and a batch that counts once in what
//! views make of it (`deduplicate_blocks_in_dependent_materialized_views`). 24.8, 25.5 and 25.8 do the last as well, but
//! refuse to change a column that an index is about, as `schema/0004_call_codecs.sql` does; servers take that since 25.12
//! (`alter_column_secondary_index_mode`). There is no warning about a server that is newer than any that was tried: each
//! upgrade of a server would bring one, and nothing could be done about it.

use super::{client::Clients, failure};

/// Year and month.
const OLDEST: (u32, u32) = (26, 1);

/// Whether the server that is asked is new enough; those of a cluster are taken to be alike.
pub(super) async fn check(clients: &Clients) -> Result<(), String> {
    let asked = clients.server.query("SELECT version()").fetch_one::<String>().await;
    let version = asked.map_err(|error| failure::describe(&error, clients))?;
    if is_old(&version) {
        let (year, month) = OLDEST;
        return Err(format!(
            "ClickHouse at {} is version {version}, and this program needs {year}.{month} or newer: \
             upgrade the server or name another one with --store",
            clients.place
        ));
    }
    Ok(())
}

/// What has another form is somebody's own build, which only they can judge.
fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month))) => (year, month) < OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn versions_are_compared_as_numbers() {
        for old in ["25.12.9.1", "25.8.2.29-lts", "25.2", "3.12.1", "24.12.6.70"] {
            assert!(is_old(old), "{old}");
        }
        for new in ["26.1.2", "26.10.1.1-testing", "27.0.1", "100.1", "head", "", "26"] {
            assert!(!is_old(new), "{new}");
        }
    }
}
