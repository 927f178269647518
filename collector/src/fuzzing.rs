//! What the fuzz targets call; not there in an ordinary build.

use crate::receive::{Encoding, oracle};

/// Reads `data` as an OTLP request in protobuf.
///
/// # Panics
/// If two looks at it find different calls.
pub fn protobuf(data: &[u8]) {
    if let Some(rows) = oracle::looks_agree(data, Encoding::Protobuf) {
        oracle::blocks_agree(&rows);
    }
}

/// Reads `data` as an OTLP request in JSON.
///
/// # Panics
/// As [`protobuf`].
pub fn json(data: &[u8]) {
    oracle::looks_agree(data, Encoding::Json);
}
