//! The description of the API, held against what the API does.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::app::App;
use crate::engine;
use crate::seed::{SECOND, call, calls, ending, insert, now};

const LISTED: [(&str, &[&str]); 17] = [
    ("/api/v1/alerts", &["get"]),
    ("/api/v1/batches", &["get"]),
    ("/api/v1/calls", &["get"]),
    ("/api/v1/calls/{trace_id}/{span_id}", &["get"]),
    ("/api/v1/chain", &["get"]),
    ("/api/v1/clients", &["get"]),
    ("/api/v1/collector", &["get"]),
    ("/api/v1/definitions", &["get"]),
    ("/api/v1/errors", &["get"]),
    ("/api/v1/openapi.json", &["get"]),
    ("/api/v1/overview", &["get"]),
    ("/api/v1/session", &["delete", "get", "post"]),
    ("/api/v1/sessions", &["get"]),
    ("/api/v1/status", &["get"]),
    ("/api/v1/tool_health", &["get"]),
    ("/api/v1/tools", &["get"]),
    ("/api/v1/users", &["get"]),
];

/// The same path about a call that is there.
fn asked(path: &str) -> String {
    path.replace("{trace_id}", &"30".repeat(16))
        .replace("{span_id}", &"30".repeat(8))
}

/// What answers under this schema of the document; a field that the schema does not name is an error too.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut components = document["components"].clone();
    let schemas = components["schemas"].as_object_mut().unwrap();
    // Schemas of rows are parts of others, which have more fields.
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !name.ends_with("Row")) {
        schema["unevaluatedProperties"] = json!(false);
    }
    let mut schema = schema.clone();
    schema["components"] = components;
    jsonschema::draft202012::new(&schema).unwrap()
}

#[track_caller]
fn check(validator: &Validator, path: &str, answer: &Value) {
    let errors: Vec<_> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{path}: {errors:?} in {answer}");
}

#[tokio::test]
async fn every_path_is_described_and_takes_the_parameters_that_are() {
    let engine = engine::start().await;
    insert(&engine.client, &[call(now() - SECOND, 0)]).await;
    let app = App::new(&engine.client);
    let document = app.get("/api/v1/openapi.json").await;
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    let paths = document["paths"].as_object().unwrap();
    let listed: Vec<(&str, Vec<&str>)> = paths
        .iter()
        .map(|(path, item)| {
            (
                path.as_str(),
                item.as_object().unwrap().keys().map(String::as_str).collect(),
            )
        })
        .collect();
    let expected: Vec<_> = LISTED.map(|(path, methods)| (path, methods.to_vec())).to_vec();
    assert_eq!(listed, expected);
    for (path, item) in paths {
        let path = asked(path);
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            // A value that no parameter refuses for what it is, except those that are words, numbers or cursors.
            let (status, answer) = app.json(&format!("{path}?{name}=x")).await;
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!([200, 400, 404].contains(&status.as_u16()), "{path} {name}: {answer}");
            assert!(!message.contains("is not known here"), "{path} {name}: {message}");
        }
        let (_, answer) = app.json(&format!("{path}?no_such_parameter=x")).await;
        let takes_parameters = !parameters.is_empty();
        assert_eq!(
            answer["error"]["parameter"] == "no_such_parameter",
            takes_parameters,
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn every_answer_is_as_described_with_data_and_without() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let document = app.get("/api/v1/openapi.json").await;
    for round in ["empty", "filled"] {
        if round == "filled" {
            let mut rows = calls(now() / SECOND - 1800, 1700, 500);
            rows.push(ending(call(now() - SECOND, 9999), "tool_error", "server"));
            insert(&engine.client, &rows).await;
        }
        for (path, _) in LISTED.iter().filter(|(path, _)| !path.ends_with("openapi.json")) {
            let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{path} has no schema");
            let question = match *path {
                "/api/v1/chain" => format!("{path}?session=s-1"),
                path => asked(path),
            };
            if question.contains("/calls/") && round == "empty" {
                continue;
            }
            check(&validator(&document, schema), path, &app.get(&question).await);
        }
    }
    let default = &document["paths"]["/api/v1/tools"]["get"]["responses"]["default"]["content"]["application/json"];
    let errors = validator(&document, &default["schema"]);
    for path in ["/api/v1/tools?range=2h", "/api/v1/nothing"] {
        check(&errors, path, &app.json(path).await.1);
    }
    // What would be wrong is seen.
    let (mut answer, schema) = (
        app.get("/api/v1/calls?limit=1").await,
        &document["components"]["schemas"]["Calls"],
    );
    answer["calls"][0]["more"] = json!(1);
    assert!(!validator(&document, schema).is_valid(&answer));
}
