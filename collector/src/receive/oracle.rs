//! What must hold for every request, whatever its bytes are.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Encoding, Ignored, Tally, each_row, survey};
use crate::row::Row;
use crate::store::Block;

/// When the requests arrive.
fn arrival() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Reads a request as it comes in and as it is read from the spool, whole and from each row on; gives its rows, or `None`
/// if it is none.
///
/// # Panics
/// If the looks differ in what they find.
pub(crate) fn looks_agree(request: &[u8], encoding: Encoding) -> Option<Vec<Row<'static>>> {
    let (body, first) = survey(Bytes::copy_from_slice(request), encoding).ok()?;
    let rows_from = |skip| {
        let mut rows = Vec::new();
        let tally = each_row(&body, Encoding::Protobuf, arrival(), "", skip, |row| {
            rows.push(row.clone().into_owned());
            ControlFlow::Continue(())
        });
        (rows, tally.expect("it was read before"))
    };
    let (rows, second) = rows_from(0);
    assert_eq!(first.rows(), rows.len() as u64);
    // What cannot be read in JSON is not in the protobuf that becomes of it.
    let (_, first) = survey(body.clone(), Encoding::Protobuf).expect("it was read before");
    assert_eq!(counts(&first), counts(&second));
    for skip in [rows.len() / 2, rows.len()] {
        assert_eq!(rows_from(skip as u32).0, rows[skip..], "from row {skip} on");
    }
    Some(rows)
}

/// How many spans there are, how many are rejected, and how many ignored by reason.
fn counts(tally: &Tally) -> (u64, u64, [u64; 3]) {
    let ignored = [Ignored::NotMcp, Ignored::Client, Ignored::NotServer].map(|reason| tally.ignored(reason));
    (tally.spans, tally.rejected, ignored)
}

/// Makes a block of rows as it is sent.
///
/// # Panics
/// If the same block gives other bytes when it is made again of the memory of another one.
pub(crate) fn blocks_agree(rows: &[Row<'_>]) {
    let bytes = |block: &Block| {
        let (mut frames, mut bytes) = (block.frames(), Vec::new());
        while let Some(frame) = frames.next_frame() {
            bytes.extend_from_slice(frame);
        }
        bytes
    };
    let block: Block = rows.iter().collect();
    let first = bytes(&block);
    let mut again = block.emptied();
    rows.iter().for_each(|row| again.push(row));
    assert_eq!(bytes(&again), first);
}
