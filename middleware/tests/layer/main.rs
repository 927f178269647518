//! The layer as applications use it: real `rmcp` servers and clients, a real OTLP receiver.

mod receiver;
mod server;

mod export;
mod tracing_join;
