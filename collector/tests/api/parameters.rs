//! Parameters that are wrong, and paths that are not there.

use axum::{body::Body, http::Request};
use serde_json::json;
use tower::ServiceExt;

use crate::{app::App, engine};

#[tokio::test]
async fn a_wrong_parameter_is_named_and_explained() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let long = format!("server={}", "a".repeat(1025));
    let cases = [
        (
            "overview",
            "range=2h",
            "range",
            "must be one of 15m, 1h, 6h, 24h, 7d, 30d, 90d, 1y",
        ),
        ("overview", "range=1h&range=6h", "range", "is given more than once"),
        (
            "tools",
            "range=1h&from=1&to=2",
            "range",
            "cannot be given together with `from` and `to`",
        ),
        ("tools", "from=1700000000", "to", "must be given together with `from`"),
        ("tools", "to=1700000000", "from", "must be given together with `to`"),
        (
            "clients",
            "from=yesterday&to=2",
            "from",
            "must be a number from 0 to 4102444800",
        ),
        (
            "clients",
            "from=-1&to=2",
            "from",
            "must be a number from 0 to 4102444800",
        ),
        (
            "clients",
            "from=1&to=NaN",
            "to",
            "must be a number from 0 to 4102444800",
        ),
        ("users", "from=2000&to=1000", "from", "must be before `to`"),
        ("users", "from=1000&to=1000", "from", "must be before `to`"),
        (
            "users",
            "from=1600000000&to=1700000000",
            "from",
            "must be at most 400 days before `to`: sums of users are kept for 400 days",
        ),
        (
            "users",
            "from=4000000000&to=4000000060",
            "from",
            "must not be in the future",
        ),
        ("tools", "sever=files", "sever", "is not known here"),
        ("tools", long.as_str(), "server", "is longer than 1024 bytes"),
        ("calls", "limit=0", "limit", "must be a number from 1 to 1000"),
        ("calls", "limit=1001", "limit", "must be a number from 1 to 1000"),
        ("calls", "limit=ten", "limit", "must be a number from 1 to 1000"),
        (
            "calls",
            "cursor=x",
            "cursor",
            "must be what `next` of an earlier answer held",
        ),
        (
            "calls",
            "cursor=1-zz-00",
            "cursor",
            "must be what `next` of an earlier answer held",
        ),
        (
            "calls",
            "fault=mine",
            "fault",
            "must be one of none, server, caller, auth, client_gone",
        ),
        (
            "calls",
            "outcome=bogus",
            "outcome",
            "must be one of ok, tool_error, unknown_tool, invalid_arguments, protocol_error, internal_error, http_error, \
             unauthorized, rate_limited, timeout, cancelled, abandoned, input_required, deferred, probe",
        ),
        ("calls", "failed=yes", "failed", "must be one of true, false"),
        ("calls", "failed=true&fault=auth", "failed", "contradicts `fault`"),
    ];
    for (path, query, parameter, message) in cases {
        let (status, body) = app.json(&format!("/api/v1/{path}?{query}")).await;
        assert_eq!(status, 400, "{path}?{query}");
        let message = format!("parameter `{parameter}` {message}");
        let error = json!({"code": "invalid_parameter", "message": message, "parameter": parameter});
        assert_eq!(body, json!({ "error": error }), "{path}?{query}");
    }
}

#[tokio::test]
async fn parameters_without_a_value_count_as_not_given() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    app.get("/api/v1/tools?range=&server=").await;
    app.get("/api/v1/calls?user=&fault=&failed=false&cursor=&limit=").await;
}

#[tokio::test]
async fn unknown_paths_and_methods_of_the_api_are_answered_in_json() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    for path in ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/tools"] {
        let (status, body) = app.json(path).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("/api/v1/openapi.json"), "{path}: {message}");
    }
    for path in ["/api/v1/tools", "/api/v1/nothing", "/"] {
        let request = Request::post(path)
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let response = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_guarded_against_sniffing_framing_and_leaking() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    for path in ["/", "/api/v1/status", "/api/v1/nothing", "/metrics", "/healthz"] {
        let request = Request::get(path)
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let headers = app.router.clone().oneshot(request).await.unwrap().headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers.contains_key("cache-control"), "{path}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
    }
}
