//! Whether the calls of each day are those of the batches that were stored.

use serde_json::json;

use crate::app::App;
use crate::engine;
use crate::seed::{SECOND, call, insert, now};

#[tokio::test]
async fn the_batches_of_each_day_have_the_calls_of_that_day() {
    let engine = engine::start().await;
    let client = |token: &str| {
        engine
            .client
            .clone()
            .with_setting("insert_deduplication_token", token)
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
    };
    let today = now() / SECOND / 86_400 * 86_400;
    let rows: Vec<_> = (0..30)
        .map(|number| call((today - number % 3 * 86_400) * SECOND, number as u64))
        .collect();
    for (token, rows) in [("a", &rows[..]), ("a", &rows[..]), ("b", &rows[..15])] {
        insert(&client(token), rows).await;
    }
    let app = App::new(&engine.client);
    let day = |days: i64| json!({"time": today - days * 86_400, "batches": 2, "rows": 15, "calls": 15});
    let answer = app.get("/api/v1/batches?range=7d").await;
    assert_eq!(
        answer["days"],
        json!([day(0), day(1), day(2)]),
        "a repeated batch is one"
    );
    assert_eq!(answer["holds"], json!(true));

    let delete = "ALTER TABLE calls DELETE WHERE request_id = '4'";
    let delete = engine.client.query_raw(delete).with_setting("mutations_sync", "2");
    delete.execute().await.unwrap();
    let answer = app.get("/api/v1/batches?range=7d").await;
    assert_eq!(answer["days"][1]["calls"], json!(13), "what is lost shows");
    assert_eq!(answer["holds"], json!(false));
    let (status, refused) = app.json("/api/v1/batches?server=files").await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["parameter"]),
        (400, &json!("server"))
    );
}
