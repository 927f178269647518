//! The price of the layer: the same exchange bare and layered, in one run.
//!
//! The service answers at once, so what is measured is the layer and what passes through it. Layered services export to
//! a receiver in this process that throws everything away. See README.md beside this file.

#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/receiver.rs"]
mod receiver;

use std::convert::Infallible;

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use exchange::{Text, answer, inner, request, serve};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use receiver::toolsight;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

fn main() {
    divan::main();
}

/// Sizes of the result's text: a word, a page, a dump.
const SIZES: [usize; 3] = [16, 100_000, 1_000_000];

/// Runs one exchange after the other on this thread.
fn run<S, R>(bencher: Bencher<'_, '_>, bytes: usize, service: &S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible> + Clone + Sync,
    R: http_body::Body,
    R::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(request)
        .bench_local_values(|request| {
            runtime.block_on(async {
                let response = service.clone().oneshot(request).await.expect("a response");
                response.into_body().collect().await.expect("a whole body")
            })
        });
}

macro_rules! pair {
    ($name:ident, $text:expr, stream: $stream:expr) => {
        mod $name {
            use super::*;

            #[divan::bench(args = SIZES)]
            fn bare(bencher: Bencher<'_, '_>, bytes: usize) {
                run(bencher, bytes, &inner(answer($text, bytes, $stream), $stream));
            }

            #[divan::bench(args = SIZES)]
            fn layered(bencher: Bencher<'_, '_>, bytes: usize) {
                let body = answer($text, bytes, $stream);
                let service = service_fn(move |request| serve(request, body.clone(), $stream));
                run(bencher, bytes, &toolsight().layer().layer(service));
            }
        }
    };
}

pair!(prose_json, Text::Prose, stream: false);
pair!(prose_event_stream, Text::Prose, stream: true);
pair!(nested_json, Text::Nested, stream: false);
pair!(nested_event_stream, Text::Nested, stream: true);
pair!(base64_json, Text::Base64, stream: false);
pair!(structured_json, Text::Structured, stream: false);
pair!(structured_event_stream, Text::Structured, stream: true);
