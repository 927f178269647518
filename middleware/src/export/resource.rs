//! How the spans and metrics describe the server that they come from.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use crate::record::Peer;
use crate::semconv;

/// Describes the server; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first.
pub(super) fn resource(server: Option<&Peer>) -> Resource {
    let mut own = vec![KeyValue::new(
        semconv::SERVICE_INSTANCE_ID,
        format!("{:016x}", rand::random::<u64>()),
    )];
    if let Some(server) = server {
        own.push(KeyValue::new(semconv::SERVICE_NAME, server.name.to_string()));
        own.push(KeyValue::new(semconv::SERVICE_VERSION, server.version.to_string()));
    }
    let told = Resource::builder().build();
    own.retain(|attribute| {
        let value = told.get(&attribute.key);
        value.is_none_or(|value| value.as_str().starts_with("unknown_service"))
    });
    own.retain(|attribute| !attribute.value.as_str().is_empty());
    Resource::builder().with_attributes(own).build()
}
