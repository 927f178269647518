//! The tables of a cluster, and every question asked through them.

use std::{fs, path::Path, sync::atomic::Ordering};

use clickhouse::Client;
use serde_json::Value;
use toolsight_collector::store::{CommandSession, Retention, Store, StoreConfig, StoreState, ddl};

use crate::keeper::{self, Keeper, LOCK};
use crate::rollups;
use crate::support::{DEADLINE, Embedded, Server, eventually, insert_for_ever, number, open_with, ready, today};

/// Every question of the program: its name and its text.
pub(crate) fn questions() -> Vec<(String, String)> {
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

/// Asks one of them, about the call of these ids where it is about a call.
pub(crate) async fn ask(client: &Client, name: &str, question: &str, [trace, span]: &[String; 2]) -> Vec<Value> {
    let now = today() / 1_000_000;
    let mut query = client
        .query_raw(question)
        .param("from", now - 3 * 86_400)
        .param("to", now + 60)
        .param("step", 60)
        .param("limit", 1000)
        .param("offset", 0)
        .param("before", (now + 60) * 1_000_000)
        .param("before_trace", "0".repeat(32))
        .param("before_span", "0".repeat(16))
        .param("chain", if name == "chain" { "1-17" } else { "" })
        .param("time", 0)
        .param("trace", trace)
        .param("span", span)
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

/// Two servers that know each other, without a database.
pub(crate) async fn two_servers() -> [Server; 2] {
    // Fetches the engine where it is missing.
    Embedded::open().await.store.shutdown().await;
    let mut pair = Server::pair().await;
    for server in &mut pair {
        server.start();
        let asked = client(server, "default");
        eventually("it answers", async || {
            asked.query_raw("SELECT 1").execute().await.is_ok()
        })
        .await;
    }
    pair
}

/// Two servers, and stores that come by one each and were opened at the same moment, on no database.
async fn two_shards() -> ([Server; 2], [Store; 2]) {
    let pair = two_servers().await;
    let [one, other] = keeper::in_front_of(&pair).await.stores;
    let (one, other) = tokio::join!(open_with(one), open_with(other));
    let stores = [one.unwrap(), other.unwrap()];
    for store in &stores {
        ready(store).await;
    }
    (pair, stores)
}

async fn stop(mut pair: [Server; 2], stores: [Store; 2]) {
    for store in stores {
        store.shutdown().await;
    }
    for server in &mut pair {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_repeated_counts_once_on_all_shards_and_in_their_rollups() {
    let (pair, stores) = two_shards().await;
    let versions = "SELECT toUInt64(count() = uniqExact(version)) FROM schema_version";
    assert_eq!(
        number(&stores[0], versions).await,
        1,
        "only one of two has made the tables"
    );
    let calls = rollups::calls(4000);
    for (by, token, stored) in [
        (0, "a", 4000),
        (0, "a", 4000),
        (1, "b", 8000),
        (1, "a", 8000),
        (0, "b", 8000),
    ] {
        insert_for_ever(&stores[by], &calls, token).await;
        assert_eq!(number(&stores[0], "SELECT count() FROM calls").await, stored, "{token}");
        rollups::assert_same_sums(&stores[1], token).await;
    }
    for server in &pair {
        let here = "SELECT count() FROM calls_local";
        let here = client(server, "observed").query(here).fetch_one::<u64>().await.unwrap();
        assert!(
            (2500..5500).contains(&here),
            "each shard has about half of 8000: {here}"
        );
    }
    stop(pair, stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_waits_for_one_that_migrates_through_another_server_of_the_cluster() {
    let pair = two_servers().await;
    let Keeper {
        stores: [one, other],
        looks,
    } = keeper::in_front_of(&pair).await;
    let servers = pair.each_ref().map(|server| client(server, "default"));
    let migrating = servers[0]
        .query_raw("SELECT sum(sleepEachRow(1)) FROM numbers(600)")
        .with_setting("max_block_size", "1")
        .with_setting("query_id", LOCK);
    let migrating = tokio::spawn(migrating.execute());
    let lock = format!("SELECT count() FROM system.processes WHERE query_id = '{LOCK}'");
    let holders = async || servers[0].query_raw(&lock).fetch_one::<u64>().await.unwrap();
    eventually("the lock is held", async || holders().await == 1).await;

    let waits = open_with(other).await.unwrap();
    eventually("it looks, and looks again", async || looks.load(Ordering::Relaxed) >= 3).await;
    assert_eq!(waits.state(), StoreState::Starting);
    let tables = "SELECT count() FROM system.tables WHERE database = 'observed'";
    for server in &servers {
        assert_eq!(server.query(tables).fetch_one::<u64>().await.unwrap(), 0);
    }
    let kill = format!("KILL QUERY WHERE query_id = '{LOCK}' SYNC");
    servers[0].query_raw(&kill).execute().await.unwrap();
    migrating.await.unwrap().unwrap_err();
    ready(&waits).await;
    let comes_later = open_with(one).await.unwrap();
    ready(&comes_later).await;
    stop(pair, [waits, comes_later]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_forgotten_rows_expire_and_large_tenants_are_noted_on_all_servers() {
    let (pair, stores) = two_shards().await;
    insert_for_ever(&stores[0], &rollups::calls(4000), "a").await;
    let user = "SELECT user_id FROM calls WHERE user_id != '' GROUP BY user_id ORDER BY count() DESC LIMIT 1";
    let user: String = stores[0].reader().query(user).fetch_one().await.unwrap();
    let [by_one, _] = keeper::in_front_of(&pair).await.stores;
    let command = CommandSession::open(by_one, |_| {}).await.unwrap();
    let forgotten = command.forget_user(&user, None).await.unwrap();
    assert!(forgotten.iter().any(|table| table.rows > 0), "{forgotten:?}");
    for table in &forgotten {
        assert_eq!(table.left, 0, "{table:?}");
    }
    command.close().await;
    // Of 20,000 calls, which make a tenant large, no server has as many.
    for server in &pair {
        let calls = "INSERT INTO calls_local (time, tenant, trace_id, span_id) \
            SELECT now64(6), 'large', sipHash128(number), reinterpretAsFixedString(sipHash64(number)) FROM numbers(12000)";
        client(server, "observed").query_raw(calls).execute().await.unwrap();
    }
    let retention = Retention {
        calls: Some(7),
        ..Retention::default()
    };
    let [by_one, _] = keeper::in_front_of(&pair).await.stores;
    let store = open_with(StoreConfig { retention, ..by_one }).await.unwrap();
    ready(&store).await;
    for server in &pair {
        let ttl = "SELECT position(engine_full, 'toIntervalDay(7)') > 0 FROM system.tables WHERE name = 'calls_local'";
        let seven: u8 = client(server, "observed").query(ttl).fetch_one().await.unwrap();
        assert_eq!(seven, 1);
    }
    let noted = "SELECT count() FROM large_tenants WHERE tenant = 'large'";
    eventually("the tenant is noted", async || number(&store, noted).await == 1).await;
    store.shutdown().await;
    stop(pair, stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_answer_every_question_as_one_server_does() {
    let (pair, stores) = two_shards().await;
    let shards = pair.each_ref().map(|server| client(server, "observed"));
    for (shard, half) in shards.iter().zip(1..) {
        shard.query_raw(&insert("calls_local", half)).execute().await.unwrap();
    }
    let (all, alone) = (client(&pair[0], "observed"), client(&pair[0], "alone"));
    let [create, tables @ ..] = &ddl("alone", None)[..] else {
        panic!("no statements")
    };
    let server = client(&pair[0], "default");
    server.query_raw(create).execute().await.unwrap();
    for statement in tables {
        alone.query_raw(statement).execute().await.unwrap();
    }
    for half in 1..=2 {
        alone.query_raw(&insert("calls", half)).execute().await.unwrap();
    }
    for (shard, tool) in shards.iter().zip(["tool1", "tool2"]) {
        for (client, table) in [(shard, "tool_health_local"), (&alone, "tool_health")] {
            client.query_raw(&changes(table, tool)).execute().await.unwrap();
        }
    }
    let newest = "SELECT hex(trace_id), hex(span_id) FROM calls ORDER BY time DESC, trace_id LIMIT 1";
    let (trace, span) = alone.query_raw(newest).fetch_one().await.unwrap();
    let call = [trace, span];
    for (name, question) in questions() {
        let mut expected = ask(&alone, &name, &question, &call).await;
        let mut answer = ask(&all, &name, &question, &call).await;
        assert!(!expected.is_empty(), "{name} has an answer");
        if name == "errors" {
            // Any call of the group may be its example.
            for group in expected.iter_mut().chain(&mut answer) {
                group["trace_id"].take();
            }
        }
        assert_eq!(answer, expected, "{name}");
    }
    stop(pair, stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_reads_every_statement_of_a_cluster() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let statements = ddl("a-database", Some("a-cluster"));
    assert!(statements.len() > 30);
    let mut replicated = 0;
    for statement in statements {
        let format = store.writer().query_raw("SELECT formatQuery({statement:String})");
        let parsed = tokio::time::timeout(DEADLINE, format.param("statement", &statement).fetch_one::<String>()).await;
        let parsed = parsed.unwrap().unwrap_or_else(|error| panic!("{error}: {statement}"));
        assert!(
            statement.starts_with("INSERT ")
                || statement.starts_with("USE ")
                || parsed.contains("ON CLUSTER `a-cluster`"),
            "{parsed}"
        );
        let is_table = statement.starts_with("CREATE TABLE ");
        assert_eq!(is_table, parsed.contains("ENGINE = Replicated"), "{parsed}");
        replicated += usize::from(is_table);
    }
    assert_eq!(replicated, 18, "tables of all versions and the record of them");
    store.shutdown().await;
}
