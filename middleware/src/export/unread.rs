//! Bodies that could not be read: counted, and said once.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::of_itself::ServerName;
use crate::semconv;
use crate::wire::Side;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Unread {
    bodies: Counter<u64>,
    server: Arc<ServerName>,
    request_said: bool,
    answer_said: bool,
}

impl Unread {
    pub(super) fn new(meter: &Meter, server: Arc<ServerName>) -> Self {
        let bodies = meter
            .u64_counter(semconv::TOOLSIGHT_BODIES_UNREAD)
            .with_description("Bodies of which not all bytes could be read")
            .build();
        Self {
            bodies,
            server,
            request_said: false,
            answer_said: false,
        }
    }

    pub(super) fn note(&mut self, body: Side) {
        let (name, said) = match body {
            Side::Request => ("request", &mut self.request_said),
            Side::Answer => ("answer", &mut self.answer_said),
        };
        let kind = KeyValue::new(semconv::TOOLSIGHT_BODY_KIND, name);
        self.bodies.add(1, &self.server.beside(Some(kind)));
        if std::mem::replace(said, true) {
            return;
        }
        match body {
            Side::Request => {
                tracing::warn!(target: "toolsight", "a request cannot be read, since it is compressed or its buffers do \
                not show all their bytes; what is recorded of such requests is what their headers tell. Put the layer inside \
                of what decompresses");
            }
            Side::Answer => {
                tracing::warn!(target: "toolsight", "an answer cannot be read, since it is compressed or its buffers \
                do not show all their bytes; such calls are recorded by their HTTP status alone and flagged as unread. \
                Put the layer inside of what compresses");
            }
        }
    }
}
