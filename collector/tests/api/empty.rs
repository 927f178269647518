//! What the API says before the first call.

use serde_json::json;

use crate::{app::App, engine};

#[tokio::test]
async fn without_calls_there_are_zeros_nulls_and_empty_lists() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);

    let overview = app.get("/api/v1/overview?range=6h").await;
    assert_eq!(
        overview["totals"],
        json!({
            "calls": 0, "calls_per_second": 0.0, "failures": 0, "caller_errors": 0, "auth_errors": 0,
            "failure_rate": null, "caller_error_rate": null, "p50_ms": null, "p95_ms": null, "p99_ms": null,
            "users": 0, "clients": 0, "tools": 0,
        })
    );
    let steps = overview["series"]["time"].as_array().unwrap().len();
    // The step that is not over yet is left out, and in the first seconds of a minute the one before it.
    assert!((359..=360).contains(&steps), "{steps} steps");
    assert_eq!(overview["series"]["calls_per_second"], json!(vec![0.0; steps]));
    assert_eq!(overview["series"]["p99_ms"], json!(vec![None::<f64>; steps]));
    assert_eq!(overview["servers"], json!([]));

    for (path, list) in [
        ("tools", "tools"),
        ("clients", "clients"),
        ("users", "users"),
        ("calls", "calls"),
    ] {
        assert_eq!(
            app.get(&format!("/api/v1/{path}?range=30d")).await[list],
            json!([]),
            "{path}"
        );
    }
    assert_eq!(app.get("/api/v1/calls").await["next"], json!(null));
    let recent = app.get("/api/v1/overview?range=15m").await;
    assert!(
        recent["series"]["failure_rate"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rate| rate.is_null())
    );
}

#[tokio::test]
async fn the_status_is_what_was_counted() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    app.metrics.spans_received.with_label_values(&["grpc"]).inc_by(5);
    app.metrics.spans_received.with_label_values(&["http"]).inc_by(2);
    app.metrics.spans_refused.with_label_values(&["full"]).inc_by(3);
    app.metrics.spans_ignored.with_label_values(&["not_mcp"]).inc();
    app.metrics.rows_inserted.inc_by(4);
    app.metrics.rows_lost.with_label_values(&["rejected"]).inc_by(2);
    app.metrics.rows_lost.with_label_values(&["unreadable"]).inc_by(6);
    app.metrics.rows_queued.set(9);
    app.metrics.last_insert.set(1_700_000_000.5);

    let mut status = app.get("/api/v1/status").await;
    assert!(status["uptime_seconds"].take().is_u64());
    assert_eq!(
        status,
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "store": {"kind": "remote", "state": "ready", "error": null},
            "spans": {"received": 7, "refused": 3, "ignored": 1},
            "rows": {"inserted": 4, "queued": 9, "failed": 2, "lost": 8},
            "last_insert": 1_700_000_000.5,
            "uptime_seconds": null,
        })
    );
}
