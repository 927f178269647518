//! The files of `schema/` that have landed, and what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

macro_rules! landed {
    ($(($name:literal, $checksum:literal),)*) => {
        [$(Landed { name: $name, checksum: $checksum }),*]
    };
}

/// One file, with the checksum that databases have recorded of it.
pub(crate) struct Landed {
    pub(crate) name: &'static str,
    pub(crate) checksum: &'static str,
}

pub(crate) const FILES: [Landed; 24] = landed![
    (
        "0001_calls",
        "e065095aaa2b775eac14589ac2cfe7cf1c455fdc16a260860b34bca2ef46ad82"
    ),
    (
        "0002_calls_by_minute",
        "0f18c3aa85ee9a7afc4740a6292d1358e971f020341a96e6fd63acde95664a4f"
    ),
    (
        "0003_call_details",
        "e035e4984c279dfa3ba801d26b4bc3cc7ca0cda61038b3b1570c33d8e23015ca"
    ),
    (
        "0004_call_codecs",
        "03900bb556ff700eac23f6db3db01b15b7f500a17a9dbee17df614263dc34434"
    ),
    (
        "0005_rollups",
        "c847892daf4901ee1565dcdd00f39fc61c1d802d82ac9689e0b9ea66c783ddf0"
    ),
    (
        "0006_users_per_day",
        "a44a2ef597ca916c9accab87b4201baf5f0db42d0673d9f1eda93d16f9e4c33c"
    ),
    (
        "0007_sessions",
        "bb2e5cd01f449191113cd604fdc861ecdc16f34e163f972442a6147745b8f8dc"
    ),
    (
        "0008_errors_per_day",
        "7bd7326099848447a2f5cca5f0565d00281fe76ef28c329f9044ba0b87939c7e"
    ),
    (
        "0009_tool_definitions",
        "c579044459352b74396e4ca72b3c043ba53a9675bfa09fa6c9be8c9a95989a70"
    ),
    (
        "0010_client_tools_per_hour",
        "76f0145ec0008dfd6b48783b30e70eb05c36b9e21ba544f90fb71d7fb3ff57df"
    ),
    (
        "0011_calls_between",
        "e35d3b5d527336ff529d80244783dea875a8d593ad30b7a3cf2bdd5c59e1ac05"
    ),
    (
        "0012_tenant_users_per_day",
        "af43c9d402470f4ce90b31508572fcbe0512904105b5add0ae78761d3137e1ee"
    ),
    (
        "0013_chain_filters",
        "d7dc27c6ab762b93d0952e788cd551aab17d64733d91c91ca929c2585570a366"
    ),
    (
        "0014_batches",
        "4a1332add4122b6636d1abc58c4e8246ed8ada40cf3334f953aab92b9f80b31d"
    ),
    (
        "0015_tool_health",
        "572fe81f0015be934d3c3f1bb8b38658d9d57f7faa748134cb96a303e2e460e7"
    ),
    (
        "0016_tenant_calls",
        "a4562e0b288e13f1da65d7e2f26a323088a00b6e8a67d7bcd170ecb5a2f9f6bd"
    ),
    (
        "0017_tenant_calls_between",
        "bef3feb087263081835e9b5dabf6521dfd1334f3a118708d162f7ee340cef428"
    ),
    (
        "0018_header_mismatch",
        "dfa4978dc18739d5d72255362ea4d2941d8aca61b41eaa97db5c7b858a288d44"
    ),
    (
        "0019_tenant_client_tools_per_day",
        "9dd51e0a2c15b7bde2658a4ea68a0aa8554120fadb070ebecfbb254c48577544"
    ),
    (
        "0020_client_tools_between",
        "a0fdc429b18e7abe12836b045be3b34c7bf848e7984d4f0b6c7756abcb961880"
    ),
    (
        "0021_client_calls_per_hour",
        "333a9633fc8e350bd92218d97a38e5abb2bff6de3a1b442f573462b58d65a45b"
    ),
    (
        "0022_client_calls_between",
        "264a3caa6c80bcdc9cf75b487e7a93d0ced60693433cc1267a5424e7e7b3eddb"
    ),
    (
        "0023_client_tools_of_range",
        "24760bd70aa70f445ed3852a727c0d2384b38e3bdb56c5147d9131511efc48bb"
    ),
    (
        "0024_small_blocks",
        "91b73ba7e50009e438a7985a5a6710494b1784876a8ed980ce0d59d9e26f8658"
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema")
}

impl Landed {
    /// Without comments, as they are run one after the other.
    pub(crate) fn statements(&self) -> Vec<String> {
        let sql = fs::read_to_string(folder().join(format!("{}.sql", self.name))).unwrap();
        let code: Vec<_> = sql
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        let code = code.join("\n");
        code.split(";\n")
            .map(|part| part.trim().trim_end_matches(';').trim_end())
            .filter(|statement| !statement.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn a_file_that_has_landed_never_changes() {
    let there = fs::read_dir(folder()).unwrap().count();
    assert_eq!(
        there,
        FILES.len(),
        "schema/ has another number of files: add a new one here, with its checksum"
    );
    for file in &FILES {
        let mut sha = Sha256::new();
        file.statements().iter().for_each(|statement| sha.update(statement));
        let found: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            found, file.checksum,
            "schema/{}.sql has landed: databases have recorded its checksum, and each of them would be refused as \
             \"another schema\". A landed file never changes: take the change back and add a new file with the next number",
            file.name
        );
    }
}
