//! Names that callers choose come back as they were.

use serde_json::json;
use url::form_urlencoded::byte_serialize;

use crate::{
    app::App,
    engine,
    seed::{SECOND, call, ending, insert, now},
};

#[tokio::test]
async fn quotes_markup_and_unicode_in_names_come_back_unchanged_and_can_be_filtered_by() {
    let names = [
        "<script>alert('x')</script>",
        "o'brien \"quoted\"",
        "back\\slash\\n and \\' and {from:String}",
        "tab\tand\nnewline",
        "ünïcödé 💥 \u{202e}",
        "%_?&=#",
        "'; DROP TABLE calls; --",
    ];
    let engine = engine::start().await;
    let rows = names.map(|name| {
        let mut row = ending(call(now() - 5 * SECOND, 1), "tool_error", "server");
        for field in [
            &mut row.server,
            &mut row.target,
            &mut row.client,
            &mut row.user_id,
            &mut row.message,
        ] {
            *field = name.into();
        }
        row
    });
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);

    let overview = app.get("/api/v1/overview").await;
    let mut servers = names.to_vec();
    servers.sort_unstable();
    assert_eq!(overview["servers"], json!(servers));

    for name in names {
        let value = byte_serialize(name.as_bytes()).collect::<String>();
        let tools = app.get(&format!("/api/v1/tools?server={value}")).await;
        assert_eq!(tools["tools"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(tools["tools"][0]["tool"], name);
        let clients = app.get(&format!("/api/v1/clients?server={value}")).await;
        assert_eq!(clients["clients"][0]["client"], name);
        assert_eq!(
            clients["clients"][0]["tools"],
            json!([{"server": name, "tool": name, "calls": 1, "failures": 1}])
        );
        let users = app.get(&format!("/api/v1/users?server={value}")).await;
        assert_eq!(users["users"][0]["user"], name);
        let calls = app
            .get(&format!("/api/v1/calls?target={value}&client={value}&user={value}"))
            .await;
        assert_eq!(calls["calls"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(calls["calls"][0]["message"], name);
    }
}
