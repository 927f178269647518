#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| toolsight_collector::fuzzing::json(data));
