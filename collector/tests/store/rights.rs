//! What a user of a ClickHouse elsewhere has to be granted: as shipped, as documented, and no more.

use std::{fs, path::Path, process::Command};

use clickhouse::Client;
use toolsight_collector::store::{CommandSession, Location, Retention, StoreConfig, StoreState};

use crate::{
    cluster::{ask, questions},
    keeper,
    migrate::{at_version, calls_of},
    rollups,
    support::{Embedded, PROGRAM, Server, block, eventually, number, open, open_with, ready, unreachable},
};

const PASSWORD: &str = "of-toolsight";

fn repository(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// The users that are shipped, but for what removes the one who starts the engine.
fn shipped() -> String {
    let file = repository("dashboards/clickhouse/users.xml");
    let (before, after) = file.split_once("<default remove=\"remove\"/>").unwrap();
    format!("{before}{after}")
}

/// A right, and what it is about.
type Right = (String, String);

/// Each right of grants such as `GRANT SELECT, INSERT ON toolsight.*`.
fn rights<'a>(grants: impl IntoIterator<Item = &'a str>) -> Vec<Right> {
    let mut rights = Vec::new();
    for grant in grants {
        let (names, about) = grant.strip_prefix("GRANT ").unwrap().split_once(" ON ").unwrap();
        rights.extend(names.split(", ").map(|name| (name.to_owned(), about.to_owned())));
    }
    rights
}

/// What the documentation grants: on one server, and what a cluster needs besides.
fn documented() -> [Vec<Right>; 2] {
    let text = repository("collector/docs/operations.md");
    let (alone, cluster) = text.split_once("-- in a cluster").unwrap();
    [alone, cluster].map(|part| rights(part.lines().filter_map(|line| line.strip_suffix(" TO toolsight;"))))
}

/// A user with these rights, where those about `toolsight` are about another database.
fn user<'a>(name: &str, database: &str, rights: impl IntoIterator<Item = &'a Right>) -> String {
    let grants = rights.into_iter().map(|(right, about)| {
        let about = about.replace("toolsight.", &format!("{database}."));
        format!("<query>GRANT {right} ON {about}</query>")
    });
    format!(
        "<{name}><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>\
         <quota>default</quota><grants>{}</grants></{name}>",
        grants.collect::<String>()
    )
}

fn file(users: &str) -> String {
    format!("<clickhouse><users>{users}</users></clickhouse>")
}

fn client(server: &Server, user: &str, password: &str) -> Client {
    Client::default()
        .with_url(format!("http://127.0.0.1:{}", server.port))
        .with_user(user)
        .with_password(password)
}

async fn started(mut server: Server) -> Server {
    server.start();
    let admin = client(&server, "admin", "p@ss");
    eventually("it answers", async || {
        admin.query_raw("SELECT 1").execute().await.is_ok()
    })
    .await;
    server
}

fn location(server: &Server, user: &str, database: &str) -> Location {
    format!("http://{user}:{PASSWORD}@127.0.0.1:{}/{database}", server.port)
        .parse()
        .unwrap()
}

/// All that a collector and its commands do, up to the first thing that is refused.
async fn whole_life(config: StoreConfig) -> Result<(), String> {
    let retention = Retention {
        calls: Some(7),
        ..Retention::default()
    };
    let store = open_with(StoreConfig {
        retention,
        ..config.clone()
    })
    .await
    .unwrap();
    // Anything else passes, such as that the server has not yet forgotten a query of the same name.
    let decided = |state: &StoreState| match state {
        StoreState::Unreachable(reason) => reason.contains("does not let user"),
        state => *state == StoreState::Ready,
    };
    let state = store.states().wait_for(decided).await.unwrap().clone();
    if let StoreState::Unreachable(reason) = state {
        return Err(reason);
    }
    let inserted = store.insert(&block(&rollups::calls(4000)), "a").await;
    inserted.map_err(|error| error.to_string())?;
    rollups::assert_same_sums(&store, "as a user with few rights").await;
    let call = ["0".repeat(32), "0".repeat(16)];
    for (name, question) in questions() {
        ask(store.reader(), &name, &question, &call).await;
    }
    let user = "SELECT user_id FROM calls WHERE user_id != '' LIMIT 1";
    let user: String = store.reader().query(user).fetch_one().await.unwrap();
    store.shutdown().await;
    let command = loop {
        match CommandSession::open(config.clone(), |_| {}).await {
            Ok(command) => break command,
            // ClickHouse waits a second for another server of its cluster, which may be too short beside other tests.
            Err(error) if error.to_string().contains("All connection tries failed") => {}
            Err(error) => panic!("{error}"),
        }
    };
    let forgotten = command.forget_user(&user, None).await;
    let forgotten = forgotten.map_err(|error| error.to_string())?;
    assert!(forgotten.iter().any(|table| table.rows > 0 && table.left == 0));
    command.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_that_are_shipped_may_do_all_that_a_collector_does() {
    Embedded::open().await.store.shutdown().await;
    let mut server = started(Server::with_users(&shipped()).await).await;
    let at = || location(&server, "toolsight", "toolsight");
    let toolsight = client(&server, "toolsight", PASSWORD).with_database("toolsight");
    whole_life(StoreConfig::new(at())).await.unwrap();
    let read = client(&server, "grafana", "of-grafana").with_database("toolsight");
    assert!(
        read.query("SELECT count() FROM calls")
            .fetch_one::<u64>()
            .await
            .unwrap()
            > 0
    );
    read.query_raw("TRUNCATE TABLE calls").execute().await.unwrap_err();

    // A tenant with so many calls is noted when a collector starts.
    let many = "INSERT INTO calls (time, tenant) SELECT now64(6), 'large' FROM numbers(20000)";
    toolsight.query_raw(many).execute().await.unwrap();
    let store = open(at()).await.unwrap();
    ready(&store).await;
    let noted = "SELECT count() FROM large_tenants WHERE tenant = 'large'";
    eventually("the tenant is noted", async || number(&store, noted).await == 1).await;
    store.shutdown().await;

    // An earlier version, and what a collector that is gone still fills.
    let admin = client(&server, "admin", "p@ss");
    for statement in ["DROP DATABASE toolsight SYNC", "CREATE DATABASE toolsight"] {
        admin.query_raw(statement).execute().await.unwrap();
    }
    at_version(&toolsight, "toolsight", 4).await;
    let calls = calls_of("numbers(2000)", 9);
    toolsight.query_raw(&calls).execute().await.unwrap();
    let fill = "SELECT sum(sleepEachRow(1)) FROM numbers(600)";
    let fill = toolsight.query_raw(fill).with_setting("max_block_size", "1");
    let filling = tokio::spawn(fill.with_setting("query_id", "toolsight-fill-toolsight").execute());
    let fills = "SELECT count() FROM system.processes WHERE query_id = 'toolsight-fill-toolsight'";
    eventually("it fills", async || {
        admin.query(fills).fetch_one::<u64>().await.unwrap() == 1
    })
    .await;
    let store = open(at()).await.unwrap();
    ready(&store).await;
    filling.await.unwrap().unwrap_err();
    rollups::assert_same_sums(&store, "after an upgrade").await;
    store.shutdown().await;
    server.stop().await;
}

#[test]
fn the_shipped_users_have_the_rights_that_are_documented() {
    let file = shipped();
    let (_, toolsight) = file.split_once("<toolsight>").unwrap();
    let (toolsight, _) = toolsight.split_once("</toolsight>").unwrap();
    let queries = toolsight.split("<query>").skip(1);
    let granted = rights(queries.map(|query| query.split_once("</query>").unwrap().0));
    let [documented, _] = documented();
    assert_eq!(granted, documented);
}

/// Whether a reason tells that this right is missing, or the part of it that was asked for: those of tables have those of
/// views in them.
fn assert_names(reason: &str, (right, about): &Right) {
    let about = about.trim_end_matches(".*");
    let part = right.replace(" TABLE", " VIEW");
    let part_of_it = right.split(' ').all(|word| reason.contains(word)) || reason.contains(&part);
    let named = part_of_it && reason.contains(about);
    assert!(
        named && reason.contains("for want of the right") && reason.contains("docs/operations.md"),
        "{right} ON {about}: {reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_needed_and_named_where_it_is_missing() {
    Embedded::open().await.store.shutdown().await;
    let [alone, _] = documented();
    assert!(alone.len() > 10);
    let users = (0..alone.len()).map(|missing| {
        let others = alone.iter().enumerate().filter(|(at, _)| *at != missing);
        user(
            &format!("u{missing}"),
            &format!("d{missing}"),
            others.map(|(_, right)| right),
        )
    });
    let mut server = started(Server::with_users(&file(&users.collect::<String>())).await).await;
    for (missing, (right, about)) in alone.iter().enumerate() {
        let database = format!("d{missing}");
        let config = StoreConfig::new(location(&server, &format!("u{missing}"), &database));
        let reason = whole_life(config).await.expect_err(right);
        assert_names(
            &reason,
            &(right.clone(), about.replace("toolsight.", &format!("{database}."))),
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_needs_further_rights_and_names_those_that_are_missing() {
    Embedded::open().await.store.shutdown().await;
    let [alone, cluster] = documented();
    // The engines of the tests have no replicated tables.
    let cluster: Vec<_> = cluster
        .into_iter()
        .filter(|(_, about)| !about.starts_with("Replicated"))
        .collect();
    let users = (0..=cluster.len()).map(|missing| {
        let others = cluster.iter().enumerate().filter(|(at, _)| *at != missing);
        let rights = alone.iter().chain(others.map(|(_, right)| right));
        user(&format!("u{missing}"), "observed", rights)
    });
    let [one, other] = Server::pair_with_users(&file(&users.collect::<String>())).await;
    let pair = [started(one).await, started(other).await];
    for (missing, right) in cluster.iter().enumerate() {
        let [by_one, _] = keeper::for_user(&pair, &format!("u{missing}"), PASSWORD).await.stores;
        let reason = whole_life(by_one).await.expect_err(&right.0);
        assert_names(&reason, right);
    }
    let [by_one, _] = keeper::for_user(&pair, &format!("u{}", cluster.len()), PASSWORD)
        .await
        .stores;
    whole_life(by_one).await.unwrap();
    for mut server in pair {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_database_is_taken_by_a_collector_that_may_only_insert_and_ask() {
    Embedded::open().await.store.shutdown().await;
    let [alone, _] = documented();
    let few = alone
        .iter()
        .filter(|(right, _)| ["SELECT", "INSERT"].contains(&&**right));
    let few = few.filter(|(_, about)| about == "toolsight.*");
    let users = file(&user("few", "printed", few));
    let mut server = started(Server::with_users(&users).await).await;
    let at = location(&server, "few", "printed");
    let denied = open(at.clone()).await.unwrap();
    let reason = unreachable(&denied, "for want of the right CREATE DATABASE").await;
    assert!(reason.contains("printed"), "{reason}");
    denied.shutdown().await;

    let address = format!("http://127.0.0.1:{}/printed", server.port);
    let print = Command::new(PROGRAM)
        .args(["print-ddl", "--store", &address])
        .output()
        .unwrap();
    let print = String::from_utf8(print.stdout).unwrap();
    // As one client runs a script: what is used stays in use.
    let admin = client(&server, "admin", "p@ss").with_setting("session_id", "script");
    for statement in print
        .split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        admin.query_raw(statement).execute().await.unwrap();
    }
    let store = open(at).await.unwrap();
    ready(&store).await;
    store.insert(&block(&rollups::calls(4000)), "a").await.unwrap();
    rollups::assert_same_sums(&store, "in a printed database").await;
    let call = ["0".repeat(32), "0".repeat(16)];
    for (name, question) in questions() {
        ask(store.reader(), &name, &question, &call).await;
    }
    let again = admin.query_raw(print.split(";\n").next().unwrap()).execute().await;
    assert!(
        again.unwrap_err().to_string().contains("already exists"),
        "a script run again ends before it empties tables"
    );
    store.shutdown().await;
    server.stop().await;
}
