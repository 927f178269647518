//! The tables of a cluster, and every question asked through them.

use std::{fs, path::Path};

use clickhouse::Client;
use serde_json::Value;
use toolsight_collector::store::{StoreConfig, ddl};

use crate::rollups;
use crate::support::{DEADLINE, Embedded, Server, block, eventually, number, open_with, today};

/// Every question of the program: its name and its text.
fn questions() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut questions: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    questions.sort();
    questions
}

async fn ask(client: &Client, question: &str) -> Vec<Value> {
    let now = today() / 1_000_000;
    let mut query = client
        .query_raw(question)
        .param("from", now - 3 * 86_400)
        .param("to", now + 60)
        .param("step", 60)
        .param("limit", 1000)
        .param("before", (now + 60) * 1_000_000)
        .param("before_trace", "0".repeat(32))
        .param("before_span", "0".repeat(16))
        .param("chain", "1-17")
        .param("slice", "server");
    for text in [
        "tenant", "server", "target", "fault", "user", "client", "version", "protocol", "session", "outcome",
    ] {
        query = query.param(text, "");
    }
    let bytes = query.fetch_bytes("JSONEachRow").unwrap().collect().await;
    let bytes = bytes.unwrap_or_else(|error| panic!("{error}: {question}"));
    serde_json::Deserializer::from_slice(&bytes)
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

fn client(server: &Server, database: &str) -> Client {
    Client::default()
        .with_url(format!("http://127.0.0.1:{}", server.port))
        .with_user("admin")
        .with_password("p@ss")
        .with_database(database)
}

/// The statements of a cluster without what needs a keeper: as they would run on each of its servers.
fn on_each_server() -> Vec<String> {
    let without = |statement: String| {
        statement
            .replace(" ON CLUSTER `pair`", "")
            .replace("ENGINE = Replicated", "ENGINE = ")
            .replace(
                "replicated_deduplication_window_seconds = 604800",
                "merge_max_block_size = 8192",
            )
            .replace(
                " replicated_deduplication_window =",
                " non_replicated_deduplication_window =",
            )
    };
    ddl(Some("pair")).into_iter().map(without).collect()
}

/// 4,000 calls of three days, of which each half has its own users and sessions.
fn insert(table: &str, half: u32) -> String {
    format!(
        "INSERT INTO {table} (time, tenant, server, method, kind, target, outcome, fault, message, duration_us, client, \
         client_version, protocol_version, session_id, chain_id, user_id, definition_hash, definition_bytes, weight, trace_id, span_id) \
         SELECT fromUnixTimestamp64Micro(toInt64({today} - number * 60000000)), concat('t', toString(number % 3)), \
         concat('s', toString(number % 2)), 'tools/call', 'tool', concat('tool', toString(number % 5)), \
         if(number % 7 = 0, 'tool_error', 'ok'), if(number % 7 = 0, 'server', 'none'), \
         if(number % 7 = 0, 'item 17 is gone', ''), 2000, concat('c', toString(number % 4)), '1', '2025-06-18', \
         concat('{half}-', toString(number % 200)) AS session, session, concat('u{half}-', toString(number % 30)), 1 + number % 5, 1000, 2, \
         sipHash128(number, {half}), reinterpretAsFixedString(sipHash64(number, {half})) FROM numbers(4000)",
        today = today(),
    )
}

/// A tool that broke an hour ago, which two collectors saw, and works since half an hour.
fn changes(table: &str, tool: &str) -> String {
    let (broke, worked) = (today() / 1000 - 3_600_000, today() / 1000 - 1_800_000);
    format!(
        "INSERT INTO {table} VALUES ('s1', '{tool}', 0, {broke}, 'broken', 'healthy', 10, 9, 0, ''), \
         ('s1', '{tool}', 0, {broke}, 'broken', 'healthy', 10, 9, 0, ''), \
         ('s1', '{tool}', {broke}, {worked}, 'healthy', 'broken', 10, 0, 1, '')"
    )
}

/// Two servers with the tables of a cluster, and a client for each.
async fn two_shards() -> ([Server; 2], [Client; 2]) {
    Embedded::open().await.store.shutdown().await;
    let mut pair = Server::pair().await;
    for server in &mut pair {
        server.start();
    }
    let shards = pair.each_ref().map(|server| client(server, "observed"));
    for server in &pair {
        let setup = client(server, "default");
        eventually("the server answers", async || {
            setup.query_raw("SELECT 1").execute().await.is_ok()
        })
        .await;
        setup.query_raw("CREATE DATABASE observed").execute().await.unwrap();
    }
    for statement in on_each_server() {
        // What is inserted goes to all shards by itself.
        let servers = if statement.starts_with("INSERT ") { 1 } else { 2 };
        for shard in &shards[..servers] {
            let done = shard.query_raw(&statement).execute().await;
            done.unwrap_or_else(|error| panic!("{error}: {statement}"));
        }
    }
    (pair, shards)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_repeated_counts_once_on_all_shards_and_in_their_rollups() {
    let (mut pair, shards) = two_shards().await;
    let config = StoreConfig {
        cluster: Some("pair".to_owned()),
        ..StoreConfig::new(pair[0].location("admin:p%40ss"))
    };
    let store = open_with(config).await.unwrap();
    let calls = block(&rollups::calls(4000));
    for (token, stored) in [("a", 4000), ("a", 4000), ("b", 8000), ("a", 8000)] {
        store.insert(&calls, token).await.unwrap();
        assert_eq!(number(&store, "SELECT count() FROM calls").await, stored, "{token}");
        rollups::assert_same_sums(&store, token).await;
    }
    for shard in &shards {
        let here = "SELECT count() FROM calls_local";
        let here = shard.query(here).fetch_one::<u64>().await.unwrap();
        assert!(
            (2500..5500).contains(&here),
            "each shard has about half of 8000: {here}"
        );
    }
    for server in &mut pair {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_answer_every_question_as_one_server_does() {
    let (mut pair, shards) = two_shards().await;
    for (shard, half) in shards.iter().zip(1..) {
        shard.query_raw(&insert("calls_local", half)).execute().await.unwrap();
    }
    client(&pair[0], "default")
        .query_raw("CREATE DATABASE alone")
        .execute()
        .await
        .unwrap();
    let (all, alone) = (client(&pair[0], "observed"), client(&pair[0], "alone"));
    for statement in ddl(None) {
        alone.query_raw(&statement).execute().await.unwrap();
    }
    for half in 1..=2 {
        alone.query_raw(&insert("calls", half)).execute().await.unwrap();
    }
    for (shard, tool) in shards.iter().zip(["tool1", "tool2"]) {
        for (client, table) in [(shard, "tool_health_local"), (&alone, "tool_health")] {
            client.query_raw(&changes(table, tool)).execute().await.unwrap();
        }
    }
    for (name, question) in questions() {
        let [mut expected, mut answer] = [ask(&alone, &question).await, ask(&all, &question).await];
        assert!(!expected.is_empty(), "{name} has an answer");
        if name == "errors" {
            // Any call of the group may be its example.
            for group in expected.iter_mut().chain(&mut answer) {
                group["trace_id"].take();
            }
        }
        assert_eq!(answer, expected, "{name}");
    }
    for server in &mut pair {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_reads_every_statement_of_a_cluster() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let statements = ddl(Some("a-cluster"));
    assert!(statements.len() > 30);
    let mut replicated = 0;
    for statement in statements {
        let format = store.writer().query_raw("SELECT formatQuery({statement:String})");
        let parsed = tokio::time::timeout(DEADLINE, format.param("statement", &statement).fetch_one::<String>()).await;
        let parsed = parsed.unwrap().unwrap_or_else(|error| panic!("{error}: {statement}"));
        assert!(
            statement.starts_with("INSERT ") || parsed.contains("ON CLUSTER `a-cluster`"),
            "{parsed}"
        );
        let is_table = statement.starts_with("CREATE TABLE ");
        assert_eq!(is_table, parsed.contains("ENGINE = Replicated"), "{parsed}");
        replicated += usize::from(is_table);
    }
    assert_eq!(replicated, 18, "tables of all versions and the record of them");
    store.shutdown().await;
}
