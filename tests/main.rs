//! Tests of the whole product: the collector's own program with its engine, real MCP servers and clients, a browser.
//!
//! `tests/run` installs what they need and starts them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod support;

mod bad_input;
mod broken_disk;
mod calls;
mod conformance;
mod crash;
mod dashboards;
mod demo;
mod docs;
mod encrypted_store;
mod full_disk;
mod image;
mod long_outage;
mod lost_at_source;
mod month;
mod open_files;
mod outages;
mod page;
mod priority;
mod proxy;
mod readme;
mod refused_rows;
mod replicas;
mod sdk;
mod service;
mod sign_in;
mod store_readers;
mod tidy;
mod wrap;
