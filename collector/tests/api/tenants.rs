//! Two tenants in one database: what each token opens, and that nobody sees anything of the other.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use toolsight_collector::auth::Access;
use toolsight_collector::row::Row;
use toolsight_collector::telemetry::Metrics;
use tower::ServiceExt as _;

use crate::app::App;
use crate::engine;
use crate::seed::{SECOND, call, ending, insert, now};
use crate::tokens::TokensFile;

/// Calls of the last minutes, in which every text tells whose they are. Both tenants have a tool `files/read`, which
/// only the one named `globex` broke.
fn calls_of(tenant: &str, first: u64) -> Vec<Row<'static>> {
    let own = |what: &str| Cow::Owned(format!("{tenant}-{what}"));
    let own_call = |number| Row {
        tenant: Cow::Owned(tenant.to_owned()),
        server: own("server"),
        target: own("tool"),
        client: own("client"),
        client_version: own("version"),
        protocol_version: own("protocol"),
        client_bridge: own("bridge"),
        user_id: own("user"),
        session_id: own("session"),
        chain_id: "of both".into(),
        definition_hash: 7,
        definition_bytes: 900,
        message: own("message"),
        error_type: own("error"),
        ..ending(call(now() - 120 * SECOND, number), "tool_error", "server")
    };
    let shared_call = |number| {
        let shared = Row {
            tenant: Cow::Owned(tenant.to_owned()),
            ..call(now() - 120 * SECOND, number)
        };
        if tenant == "globex" {
            ending(shared, "tool_error", "server")
        } else {
            shared
        }
    };
    (first..first + 10)
        .map(own_call)
        .chain((first + 10..first + 40).map(shared_call))
        .collect()
}

pub(crate) struct Tenants {
    app: App,
    pub(crate) tokens: TokensFile,
    _engine: engine::TestEngine,
}

impl Tenants {
    pub(crate) async fn start() -> Self {
        let engine = engine::start().await;
        for rows in [calls_of("acme", 0), calls_of("globex", 100)] {
            insert(&engine.client, &rows).await;
        }
        let tokens = TokensFile::new();
        Self {
            app: App::new(&engine.client),
            tokens,
            _engine: engine,
        }
    }

    /// From now on with the tokens of the file.
    pub(crate) async fn guard(&mut self) {
        let access = Access::open(Some(&self.tokens.path()), &Metrics::new().unwrap())
            .await
            .unwrap();
        self.app = App::guarded(&self._engine.client, access);
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.app.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let cookie = parts
            .headers
            .get("set-cookie")
            .map(|cookie| cookie.to_str().unwrap().to_owned());
        Answer {
            status: parts.status,
            text,
            cookie,
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        self.ask("GET", path, if token.is_empty() { &[] } else { &headers }, "")
            .await
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) cookie: Option<String>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Every path that answers from data, and whether what it answers is about calls.
const PATHS: [(&str, bool); 11] = [
    ("/api/v1/overview", true),
    ("/api/v1/tools", true),
    ("/api/v1/clients", true),
    ("/api/v1/users", true),
    ("/api/v1/calls?limit=1000", true),
    ("/api/v1/errors", true),
    ("/api/v1/sessions", true),
    ("/api/v1/chain?chain=of+both", true),
    ("/api/v1/definitions", true),
    ("/api/v1/status", false),
    ("/api/v1/collector", false),
];

#[tokio::test]
async fn a_token_opens_what_its_role_is_for_and_shows_its_tenant_only() {
    let mut tenants = Tenants::start().await;
    let (acme, globex) = (tenants.tokens.add("acme", "read"), tenants.tokens.add("globex", "read"));
    let (ingest, admin) = (tenants.tokens.add("acme", "ingest"), tenants.tokens.add("", "admin"));
    tenants.guard().await;
    for (path, is_about_calls) in PATHS {
        for (case, token, status, code) in [
            ("no token", "", 401, "unauthenticated"),
            ("a wrong token", "toolsight_read_AAAA", 401, "unauthenticated"),
            ("a token for sending", ingest.as_str(), 403, "forbidden"),
        ] {
            let answer = tenants.get(path, token).await;
            assert_eq!(answer.status, status, "{path} with {case}");
            assert_eq!(answer.json()["error"]["code"], code, "{path} with {case}");
            assert!(
                !answer.text.contains("acme") && !answer.text.contains("globex"),
                "{answer:?}"
            );
        }
        for (token, own, other) in [(&acme, "acme", "globex"), (&globex, "globex", "acme")] {
            for query in [
                "",
                "&server=",
                &format!("&tenant={own}"),
                &format!("&server={other}-server"),
            ] {
                if !is_about_calls && !query.is_empty() {
                    continue;
                }
                let path = with(path, query);
                let answer = tenants.get(&path, token).await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                assert!(
                    !answer.text.contains(other),
                    "{own} sees of {other}: {path}: {}",
                    answer.text
                );
                // Asked for a server that is not theirs, they still get the names of their own.
                if !path.contains(&format!("server={other}")) {
                    assert_eq!(answer.text.contains(own), is_about_calls, "{path}: {}", answer.text);
                }
            }
            if is_about_calls {
                let answer = tenants.get(&with(path, &format!("&tenant={other}")), token).await;
                assert_eq!(answer.status, 400, "{own} asks for {other} at {path}");
                assert_eq!(answer.json()["error"]["parameter"], "tenant");
            }
        }
        if is_about_calls {
            let all = tenants.get(path, &admin).await.text;
            assert!(all.contains("acme") && all.contains("globex"), "{path}: {all}");
            let one = tenants.get(&with(path, "&tenant=acme"), &admin).await.text;
            assert!(one.contains("acme") && !one.contains("globex"), "{path}: {one}");
        }
    }
}

#[tokio::test]
async fn a_call_is_shown_to_its_tenant_and_to_those_who_see_all() {
    let mut tenants = Tenants::start().await;
    let (acme, globex) = (tenants.tokens.add("acme", "read"), tenants.tokens.add("globex", "read"));
    let (ingest, admin) = (tenants.tokens.add("acme", "ingest"), tenants.tokens.add("", "admin"));
    tenants.guard().await;
    let listed = tenants
        .get("/api/v1/calls?target=acme-tool&limit=1", &acme)
        .await
        .json();
    let id = |name: &str| listed["calls"][0][name].as_str().unwrap().to_owned();
    let path = format!("/api/v1/calls/{}/{}", id("trace_id"), id("span_id"));
    let at = format!("?time={}", listed["calls"][0]["time"]);
    for query in ["", &at] {
        for (case, token, more, status) in [
            ("nobody", "", "", 401),
            ("a token for sending", ingest.as_str(), "", 403),
            ("its tenant", acme.as_str(), "", 200),
            ("its tenant by name", acme.as_str(), "&tenant=acme", 200),
            ("another tenant", globex.as_str(), "", 404),
            ("another tenant by its name", globex.as_str(), "&tenant=acme", 400),
            ("who sees all", admin.as_str(), "", 200),
            ("who sees all of another", admin.as_str(), "&tenant=globex", 404),
        ] {
            let answer = tenants.get(&with(&format!("{path}{query}"), more), token).await;
            assert_eq!(answer.status, status, "{case}: {query}: {answer:?}");
            assert_eq!(answer.text.contains("acme"), status == 200, "{case}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_about_all_tenants_is_not_for_one() {
    let mut tenants = Tenants::start().await;
    let (acme, admin) = (tenants.tokens.add("acme", "read"), tenants.tokens.add("", "admin"));
    tenants.guard().await;
    for path in ["/api/v1/alerts", "/api/v1/tool_health", "/api/v1/batches"] {
        let answer = tenants.get(path, &acme).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(answer.json()["error"]["parameter"], "tenant", "{path}");
        assert_eq!(tenants.get(path, &admin).await.status, 200, "{path}");
        assert_eq!(tenants.get(path, "").await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn counts_states_and_pages_of_one_tenant_tell_nothing_of_another() {
    let mut tenants = Tenants::start().await;
    let (acme, globex) = (tenants.tokens.add("acme", "read"), tenants.tokens.add("globex", "read"));
    let admin = tenants.tokens.add("", "admin");
    tenants.guard().await;
    tenants
        .app
        .metrics
        .spans_received
        .with_label_values(&["grpc"])
        .inc_by(80);

    let totals = tenants.get("/api/v1/overview", &acme).await.json()["totals"].clone();
    assert_eq!((&totals["calls"], &totals["failures"]), (&json!(40), &json!(10)));
    assert_eq!(
        (&totals["users"], &totals["clients"], &totals["tools"]),
        (&json!(1), &json!(2), &json!(2))
    );

    let state = |answer: &Answer| {
        let tools = answer.json()["tools"].as_array().unwrap().clone();
        let shared = tools.into_iter().find(|tool| tool["server"] == "files").unwrap();
        (shared["state"].clone(), shared["calls"].clone())
    };
    assert_eq!(
        state(&tenants.get("/api/v1/tools", &acme).await),
        (json!("healthy"), json!(30))
    );
    assert_eq!(
        state(&tenants.get("/api/v1/tools", &globex).await),
        (json!("broken"), json!(30))
    );

    let first = tenants.get("/api/v1/calls?limit=1", &globex).await.json();
    let path = format!("/api/v1/calls?limit=1000&cursor={}", first["next"].as_str().unwrap());
    let answer = tenants.get(&path, &acme).await;
    assert!(
        answer.status == 200 && !answer.text.contains("globex"),
        "another's cursor: {answer:?}"
    );

    let status = tenants.get("/api/v1/status", &acme).await.json();
    assert_eq!(
        (&status["spans"], &status["rows"], &status["last_insert"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        tenants.get("/api/v1/status", &admin).await.json()["spans"]["received"],
        80
    );

    let own = tenants.get("/api/v1/collector", &acme).await.json();
    assert_eq!((&own["problems"], &own["numbers"]), (&Value::Null, &Value::Null));
    let all = tenants.get("/api/v1/collector", &admin).await.json();
    assert_eq!(all["numbers"]["ledger"]["received"], 80);

    for (path, statuses) in [
        ("/metrics", [401, 401, 403, 200]),
        ("/healthz", [200, 200, 200, 200]),
        ("/readyz", [200, 200, 200, 200]),
    ] {
        for (token, status) in ["", "wrong", acme.as_str(), admin.as_str()].into_iter().zip(statuses) {
            assert_eq!(tenants.get(path, token).await.status, status, "{path} with {token:?}");
        }
    }
}

#[tokio::test]
async fn without_tokens_everybody_is_told_everything_and_may_choose() {
    let tenants = Tenants::start().await;
    let answer = tenants.get("/api/v1/session", "").await.json();
    assert_eq!(answer, json!({"guarded": false, "role": "admin", "tenant": ""}));
    let all = tenants.get("/api/v1/tools", "").await.text;
    assert!(all.contains("acme") && all.contains("globex"));
    let one = tenants.get("/api/v1/tools?tenant=acme", "any").await.text;
    assert!(one.contains("acme") && !one.contains("globex"));
    let headers = [("content-type", "application/json")];
    let answer = tenants
        .ask("POST", "/api/v1/session", &headers, "{\"token\":\"any\"}")
        .await;
    assert_eq!((answer.status.as_u16(), answer.cookie), (204, None));
}

fn with(path: &str, query: &str) -> String {
    if path.contains('?') {
        format!("{path}{query}")
    } else {
        format!("{path}?{}", query.trim_start_matches('&'))
    }
}
