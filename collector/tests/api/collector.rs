//! What the collector says about itself: numbers as they were counted, and what to do when they are bad.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use toolsight_collector::pipeline::Refused;
use toolsight_collector::store::StoreState;
use toolsight_collector::telemetry::{Metrics, unix_now};

use crate::app::App;
use crate::engine;

async fn collector(app: &App) -> Value {
    app.get("/api/v1/collector").await
}

fn kinds(answer: &Value) -> Vec<&str> {
    let problems = answer["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["kind"].as_str().unwrap())
        .collect()
}

/// A ledger that adds up, with something in each place.
fn count(metrics: &Metrics) {
    metrics.spans_received.with_label_values(&["grpc"]).inc_by(100);
    metrics.spans_refused.with_label_values(&["full"]).inc_by(10);
    metrics.spans_ignored.with_label_values(&["not_mcp"]).inc_by(20);
    metrics.spans_duplicate.inc_by(5);
    metrics.spans_spooled.inc_by(65);
    metrics.rows_recovered.inc_by(7);
    metrics.rows_inserted.inc_by(60);
    metrics.rows_queued.set(12);
}

#[tokio::test]
async fn the_numbers_are_what_was_counted() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let metrics = &app.metrics;
    let empty = collector(&app).await;
    assert_eq!(empty["problems"], json!([]));
    assert_eq!(empty["numbers"]["lag"]["newest_call"], Value::Null);
    assert_eq!(empty["numbers"]["spool"]["fsync_p99_ms"], Value::Null);
    assert_eq!(empty["numbers"]["inserts"]["mean_batch_rows"], Value::Null);
    let unwatched = json!({"of": "unwatched", "bytes": null});
    assert_eq!(empty["numbers"]["memory_limit"], unwatched);

    count(metrics);
    metrics.newest_call.set(unix_now() - 100.0);
    metrics.spool_oldest_seconds.set(2.5);
    metrics.memory_limit.with_label_values(&["control group"]).set(1 << 30);
    metrics.requests_lost.inc_by(2);
    metrics.set_aside_bytes.set(4096);
    metrics.set_aside_replaced.inc_by(3);
    metrics.spool_bytes.set(300);
    metrics.spool_limit_bytes.set(1000);
    metrics.spool_records.set(3);
    metrics.spool_full.inc();
    metrics.spool_fsync_seconds.observe(0.001);
    metrics.insert_seconds.observe(0.02);
    metrics.insert_retries.inc();
    metrics.batch_rows.observe(40.0);
    metrics.batch_rows.observe(20.0);
    metrics.requests_refused.with_label_values(&["invalid"]).inc_by(4);
    metrics.worker_last_tick.with_label_values(&["spool"]).set(unix_now());

    let answer = collector(&app).await;
    let numbers = &answer["numbers"];
    assert_eq!(
        numbers["ledger"],
        json!({
            "received": 100, "refused": {"full": 10}, "ignored": {"not_mcp": 20}, "duplicate": 5, "spooled": 65,
            "recovered": 7, "inserted": 60, "set_aside": 0, "unreadable": 0, "queued": 12, "holds": true,
        })
    );
    let spool = &numbers["spool"];
    let plain = [
        "bytes",
        "limit_bytes",
        "records",
        "writable",
        "full",
        "quarantined_segments",
        "fsyncs",
    ];
    assert_eq!(
        plain.map(|field| spool[field].clone()),
        [
            json!(300),
            json!(1000),
            json!(3),
            json!(true),
            json!(1),
            json!(0),
            json!(1)
        ]
    );
    let p99 = spool["fsync_p99_ms"].as_f64().unwrap();
    assert!(
        (0.8..=1.6).contains(&p99),
        "1 ms lies in the bucket that ends at 1.6 ms: {p99}"
    );
    let inserts = &numbers["inserts"];
    assert_eq!(
        (&inserts["sent"], &inserts["retries"], &inserts["mean_batch_rows"]),
        (&json!(1), &json!(1), &json!(30.0))
    );
    let freshness = numbers["lag"]["freshness_seconds"].as_f64().unwrap();
    assert!((100.0..160.0).contains(&freshness), "{freshness}");
    assert_eq!(numbers["lag"]["oldest_waiting_seconds"], 2.5);
    assert_eq!(numbers["requests_refused"], json!({"invalid": 4}));
    assert_eq!(numbers["workers"][0]["worker"], "spool");
    assert_eq!(numbers["memory"], "enough");
    let watched = json!({"of": "control group", "bytes": 1 << 30});
    assert_eq!(numbers["memory_limit"], watched);
    assert_eq!(
        ["requests_lost", "set_aside_bytes", "set_aside_replaced"].map(|field| &spool[field]),
        [&json!(2), &json!(4096), &json!(3)]
    );
    assert_eq!(kinds(&answer), ["set_aside_replaced", "spool_damaged"]);
}

#[tokio::test]
async fn each_trouble_is_told_with_what_to_do() {
    let engine = engine::start().await;
    type Cause = fn(&App);
    let cases: [(&str, &str, &str, Cause); 18] = [
        ("a worker does not move", "worker_silent", "error", |app| {
            app.metrics
                .worker_last_tick
                .with_label_values(&["inserter"])
                .set(unix_now() - 20.0);
        }),
        ("the spool is full", "spool_unwritable", "error", |app| {
            app.metrics.spool_writable.set(0);
        }),
        ("the spool is nearly full", "spool_nearly_full", "warning", |app| {
            app.metrics.spool_limit_bytes.set(1000);
            app.metrics.spool_bytes.set(701);
        }),
        ("memory is scarce", "memory_scarce", "error", |app| {
            app.metrics.memory_state.set(2);
        }),
        ("memory is little", "memory_little", "warning", |app| {
            app.metrics.memory_state.set(1);
        }),
        ("the store is away", "store_unreachable", "error", |app| {
            app.store.send_replace(StoreState::Unreachable("refused".to_owned()));
        }),
        ("the store is slow", "store_behind", "warning", |app| {
            app.metrics.spool_oldest_seconds.set(61.0);
        }),
        ("a batch is refused for long", "batch_refused", "error", |app| {
            let since = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
            app.metrics.spool_oldest_seconds.set(61.0);
            app.metrics.head.set(Some(Refused {
                batch: "c:1.0-2.0".to_owned(),
                rows: 3,
                since,
                reason: "Code: 395".to_owned(),
            }));
        }),
        ("rows are set aside", "rows_set_aside", "error", |app| {
            app.metrics.spans_received.with_label_values(&["http"]).inc();
            app.metrics.spans_spooled.inc();
            app.metrics.rows_lost.with_label_values(&["rejected"]).inc();
        }),
        (
            "a file of rows that are set aside is full",
            "set_aside_nearly_full",
            "warning",
            |app| {
                app.metrics.set_aside_bytes.set(16 << 20);
            },
        ),
        (
            "rows that were set aside are gone",
            "set_aside_replaced",
            "error",
            |app| {
                app.metrics.set_aside_bytes.set(16 << 20);
                app.metrics.set_aside_replaced.inc();
            },
        ),
        ("rows are unreadable", "spool_damaged", "error", |app| {
            app.metrics.rows_recovered.inc();
            app.metrics.rows_lost.with_label_values(&["unreadable"]).inc();
        }),
        ("a segment is damaged", "spool_damaged", "error", |app| {
            app.metrics.corrupt_segments.inc();
        }),
        ("requests are gone", "spool_damaged", "error", |app| {
            app.metrics.requests_lost.inc();
        }),
        ("spans are missing", "ledger_broken", "error", |app| {
            app.metrics.spans_received.with_label_values(&["http"]).inc();
        }),
        ("rows are missing", "ledger_broken", "error", |app| {
            app.metrics.rows_recovered.inc();
        }),
        ("the disk is slow", "disk_slow", "warning", |app| {
            app.metrics.spool_fsync_seconds.observe(0.2);
        }),
        ("a new certificate is broken", "reload_failed", "warning", |app| {
            app.metrics
                .reload_failures
                .with_label_values(&["tls_certificate"])
                .inc();
        }),
    ];
    for (case, kind, severity, cause) in cases {
        let app = App::new(&engine.client);
        count(&app.metrics);
        assert_eq!(kinds(&collector(&app).await), Vec::<&str>::new(), "before {case}");
        cause(&app);
        let answer = collector(&app).await;
        assert_eq!(kinds(&answer), [kind], "{case}");
        let problem = &answer["problems"][0];
        assert_eq!(problem["severity"], severity, "{case}");
        assert!(problem["message"].as_str().unwrap().ends_with('.'), "{case}: {problem}");
    }
}

#[tokio::test]
async fn old_tool_health_is_told_and_errors_come_first() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    app.wait_for("/api/v1/collector", |_, text| {
        !text.contains("\"tool_health_age_seconds\":null")
    })
    .await;
    app.stop_health();
    app.metrics.tool_health_last_look.set(unix_now() - 61.0);
    app.metrics.spool_writable.set(0);
    assert_eq!(kinds(&collector(&app).await), ["spool_unwritable", "tool_health_stale"]);
}
