//! Bodies that could not be read: counted, and said once.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::of_itself::ServerName;
use crate::observe::Gap;
use crate::semconv;
use crate::wire::Side;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Unread {
    bodies: Counter<u64>,
    server: Arc<ServerName>,
    said: Vec<(Side, Gap)>,
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
            said: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, body: Side, why: Gap) {
        let name = match body {
            Side::Request => "request",
            Side::Answer => "answer",
        };
        let kind = KeyValue::new(semconv::TOOLSIGHT_BODY_KIND, name);
        self.bodies.add(1, &self.server.beside(Some(kind)));
        if self.said.contains(&(body, why)) {
            return;
        }
        self.said.push((body, why));
        match (body, why) {
            (Side::Request, Gap::Opaque) => {
                tracing::warn!(target: "toolsight", "a request cannot be read, since it is compressed or its buffers do \
                not show all their bytes; what is recorded of such requests is what their headers tell. Put the layer inside \
                of what decompresses");
            }
            (Side::Answer, Gap::Opaque) => {
                tracing::warn!(target: "toolsight", "an answer cannot be read, since it is compressed or its buffers \
                do not show all their bytes; such calls are recorded by their HTTP status alone and flagged as unread. \
                Put the layer inside of what compresses");
            }
            (_, Gap::NoRoom) => {
                tracing::warn!(target: "toolsight", "bytes of a body ({name}) were not read, since reading was behind by as much \
                as is kept; what they told is missing, and calls that they may have answered are flagged as unread. Give this \
                process more of a processor: its export thread does not keep up with what passes");
            }
        }
    }
}
