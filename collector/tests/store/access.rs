use std::fs;

use clickhouse::Client;

use crate::support::{Embedded, block, rows};

fn client(address: std::net::SocketAddr, user: &str, password: &str) -> Client {
    Client::default()
        .with_url(format!("http://{address}"))
        .with_user(user)
        .with_password(password)
}

async fn failure(client: &Client, query: &str) -> String {
    match client.query_raw(query).fetch_bytes("TSV").unwrap().collect().await {
        Ok(bytes) => panic!("{query} gave {bytes:?}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_reads_the_tables_and_nothing_else() {
    let Embedded { store, folder } = Embedded::open().await;
    store.insert(&block(&rows(10)), "ten").await.unwrap();
    let password = fs::read_to_string(folder.path().join("reader.password")).unwrap();
    // As Grafana would come: by address and password, with a time limit of its own.
    let outside = client(store.engine_address().unwrap(), "reader", &password).with_setting("max_execution_time", "60");
    for reader in [store.reader(), &outside] {
        let count: u64 = reader
            .query("SELECT count() FROM toolsight.calls")
            .fetch_one()
            .await
            .unwrap();
        assert_eq!(count, 10);
        let refused = [
            "INSERT INTO toolsight.calls (tenant) VALUES ('x')",
            "ALTER TABLE toolsight.calls DELETE WHERE 1",
            "TRUNCATE TABLE toolsight.calls",
            "DROP TABLE toolsight.calls",
            "CREATE TABLE toolsight.x (y String) ENGINE = MergeTree ORDER BY y",
            "CREATE TEMPORARY TABLE x (y String)",
            "CREATE USER x",
            "SYSTEM SHUTDOWN",
            "SYSTEM STOP LISTEN HTTP",
            "KILL QUERY WHERE 1",
            "SELECT * FROM system.parts",
            "SELECT * FROM system.processes",
            "SELECT * FROM system.users",
            "SELECT * FROM file('/etc/passwd', 'LineAsString')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
            "SELECT * FROM executable('id', 'TSV', 'x String')",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "SET readonly = 0",
            "SELECT 1 SETTINGS readonly = 0",
            "SELECT 1 SETTINGS max_execution_time = 100000",
        ];
        for query in refused {
            let error = failure(reader, query).await;
            let known = [
                "ACCESS_DENIED",
                "READONLY",
                "SETTING_CONSTRAINT_VIOLATION",
                "UNKNOWN_FUNCTION",
                "INTO_OUTFILE_NOT_ALLOWED",
            ];
            assert!(known.iter().any(|name| error.contains(name)), "{query}: {error}");
        }
    }
    let count: u64 = store
        .reader()
        .query("SELECT count() FROM calls")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(count, 10);
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_in() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let address = store.engine_address().unwrap();
    for (user, password, name) in [
        ("default", "", "USER_SESSION_LIMIT_EXCEEDED"),
        ("reader", "", "AUTHENTICATION_FAILED"),
        ("writer", "writer", "AUTHENTICATION_FAILED"),
        ("somebody", "", "AUTHENTICATION_FAILED"),
    ] {
        for query in ["SELECT 1", "SYSTEM STOP LISTEN HTTP"] {
            let error = failure(&client(address, user, password), query).await;
            assert!(error.contains(name), "{user}: {error}");
        }
    }
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_no_logs_in_tables() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let query = "SELECT count() FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree' AND name LIKE '%log%'";
    assert_eq!(store.writer().query(query).fetch_one::<u64>().await.unwrap(), 0);
    store.shutdown().await;
}
