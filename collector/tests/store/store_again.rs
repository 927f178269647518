//! `store-again`: the program itself, beside a store that is in use.

use toolsight_collector::row::Row;

use crate::operate::{program, refused, said};
use crate::support::{Embedded, number, rows};

/// A line of a file of rows that were set aside.
fn line(row: &Row<'_>, token: &str) -> String {
    serde_json::json!({"time": 1, "reason": "why", "token": token, "row": row}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_set_aside_are_stored_once_and_those_that_are_refused_again_stay() {
    let Embedded { store, folder } = Embedded::open().await;
    let rows = rows(2_500);
    let mut lines: Vec<_> = rows.iter().map(|row| line(row, &row.request_id)).collect();
    lines.insert(7, lines[0].clone());
    let half = lines[1].len() / 2;
    lines.push(lines[1][..half].to_owned());
    let file = folder.path().join("set_aside.ndjson");
    let taken = folder.path().join("set_aside.ndjson.taken");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let execute = async |statement: &str| store.writer().query(statement).execute().await.unwrap();
    let refused_id = &rows[1_234].request_id;
    execute(&format!(
        "ALTER TABLE calls ADD CONSTRAINT picky CHECK request_id != '{refused_id}'"
    ))
    .await;

    let arguments = ["store-again", file.to_str().unwrap()];
    let output = program(folder.path(), &arguments).await;
    assert!(refused(&output).contains("2 rows are left in"), "{output:?}");
    assert_eq!(str::from_utf8(&output.stdout), Ok("2499 rows stored\n"));
    assert!(!file.exists());
    let left = std::fs::read_to_string(&taken).unwrap();
    assert_eq!(left.lines().count(), 2);
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 2_499);

    execute("ALTER TABLE calls DROP CONSTRAINT picky").await;
    std::fs::write(&taken, left.lines().find(|line| line.ends_with('}')).unwrap()).unwrap();
    assert_eq!(said(&program(folder.path(), &arguments).await), "1 rows stored\n");
    assert!(!taken.exists());
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 2_500);
    let sums = number(&store, "SELECT sum(calls) FROM calls_per_minute WHERE slice = 'server'").await;
    assert_eq!(sums, rows.iter().map(|row| u64::from(row.weight)).sum::<u64>());
    let none = program(folder.path(), &arguments).await;
    assert!(refused(&none).contains("take "), "{none:?}");
    store.shutdown().await;
}

/// A command that the store does not answer ends as one that is killed there does.
#[tokio::test(flavor = "multi_thread")]
async fn rows_count_once_though_the_command_ends_between_halves_that_the_store_takes_together_later() {
    let Embedded { store, folder } = Embedded::open().await;
    let rows = rows(16);
    let execute = async |statement: String| store.writer().query(&statement).execute().await.unwrap();
    let calls = "SELECT count() FROM calls";
    for (case, name, rows, before) in [
        ("a batch", "set_aside.collector_1_1.0-2.0.ndjson", &rows[..8], 0),
        ("rows that were sent alone", "set_aside.ndjson", &rows[8..], 8),
    ] {
        let (refused_id, stuck_id) = (&rows[6].request_id, &rows[5].request_id);
        for check in [
            format!("halves CHECK request_id != '{refused_id}'"),
            format!("sticks CHECK throwIf(request_id = '{stuck_id}') = 0"),
        ] {
            execute(format!("ALTER TABLE calls ADD CONSTRAINT {check}")).await;
        }
        let token = |row: &Row<'_>| {
            if before == 0 {
                "collector:1:1.0-2.0".to_owned()
            } else {
                row.request_id.to_string()
            }
        };
        let lines: Vec<_> = rows.iter().map(|row| line(row, &token(row))).collect();
        let file = folder.path().join(name);
        std::fs::write(&file, lines.join("\n")).unwrap();
        let arguments = ["store-again", file.to_str().unwrap()];
        let output = program(folder.path(), &arguments).await;
        assert!(refused(&output).contains("run the command again"), "{case}: {output:?}");
        assert_eq!(number(&store, calls).await, before + 4, "{case}");

        for name in ["halves", "sticks"] {
            execute(format!("ALTER TABLE calls DROP CONSTRAINT {name}")).await;
        }
        let output = program(folder.path(), &arguments).await;
        assert_eq!(said(&output), "8 rows stored\n", "{case}");
        assert_eq!(number(&store, calls).await, before + 8, "{case}");
    }
    store.shutdown().await;
}
