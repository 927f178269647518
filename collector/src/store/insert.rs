//! One batch of rows into `calls`, so that repeating it with the same token changes nothing.

use std::time::Duration;

use clickhouse::{
    Compression,
    error::Error,
    insert_formatted::{CompressedData, InsertFormatted},
};

use super::{
    client::Clients,
    failure,
    native::{Block, NAMES},
};
use crate::pipeline::InsertError;

/// How long one chunk may wait for the network, at most.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends the block, and waits so long for the answer. `token` must never be used for other rows.
///
/// Any answer with a status of 200 looks like success, also the page of a proxy that shows one in place of the database.
/// So the insert counts only between two questions that nobody but ClickHouse can answer; with the second alone, a page that
/// goes away while the rows are sent would not be noticed. They do not ask for the rows, since another replica may answer
/// that does not have them yet. Rows that are stored and in doubt come again under their token, which changes nothing.
pub(super) async fn insert(clients: &Clients, block: &Block, token: &str, answer: Duration) -> Result<(), InsertError> {
    if block.rows() == 0 {
        return Ok(());
    }
    let (first, last) = block.received();
    let insert = clients
        .writer
        .insert_formatted_with(statement())
        .with_timeouts(Some(SEND_TIMEOUT.min(answer)), Some(answer))
        .with_setting("insert_deduplicate", "1")
        .with_setting("insert_deduplication_token", token)
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        // The view that fills `batches` reads this and the token.
        .with_setting("log_comment", format!("{first}-{last}"))
        // Else an error of a view may follow a status of 200.
        .with_setting("wait_end_of_query", "1");
    clients.ping().await.map_err(InsertError::Retryable)?;
    send(insert, block).await.map_err(|error| classify(&error, clients))?;
    clients.ping().await.map_err(|reason| {
        let doubt = "nothing shows that the batch was stored, so it is sent again";
        InsertError::Retryable(format!("{doubt}: {reason}"))
    })
}

async fn send(mut insert: InsertFormatted, block: &Block) -> Result<(), Error> {
    let mut frames = block.frames();
    while let Some(frame) = frames.next_frame() {
        insert
            .send_compressed(CompressedData::new(frame, Compression::Lz4)?)
            .await?;
        // A batch is tens of milliseconds of compressing, which the other tasks of this thread should not feel.
        tokio::task::yield_now().await;
    }
    insert.end().await
}

fn statement() -> String {
    format!("INSERT INTO calls ({}) FORMAT Native", NAMES.join(", "))
}

/// Errors that say something about the rows, in the numbering of ClickHouse's `ErrorCodes.cpp`. All others are about the
/// server, the network, the rights or the schema: those can be mended while the rows wait. So are types that do not fit (53,
/// 70): a block has whole columns, each of the type of its name, and what has been changed is the table.
const ROWS_AT_FAULT: [u32; 9] = [
    6,   // CANNOT_PARSE_TEXT
    26,  // CANNOT_PARSE_QUOTED_STRING
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    41,  // CANNOT_PARSE_DATETIME
    72,  // CANNOT_PARSE_NUMBER
    117, // INCORRECT_DATA
    131, // TOO_LARGE_STRING_SIZE
    321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    469, // VIOLATED_CONSTRAINT
];
/// TOO_MANY_PARTS, both for "merges cannot keep up" and for "this insert spans too many days".
const TOO_MANY_PARTS: u32 = 252;

fn classify(error: &Error, clients: &Clients) -> InsertError {
    let message = failure::describe(error, clients);
    let permanent = match failure::code(error) {
        Some(TOO_MANY_PARTS) => error.to_string().contains("max_partitions_per_insert_block"),
        Some(code) => ROWS_AT_FAULT.contains(&code),
        None => false,
    };
    if permanent {
        InsertError::Permanent(message)
    } else {
        InsertError::Retryable(message)
    }
}
