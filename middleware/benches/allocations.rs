//! Allocations of one exchange, bare and layered, counted on the thread that serves it.

#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/receiver.rs"]
mod receiver;

use divan::{AllocProfiler, Bencher};
use exchange::{Text, answer, inner, request, serve};
use http_body_util::BodyExt as _;
use receiver::toolsight;
use tower::{Layer as _, ServiceExt as _, service_fn};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A small result, and large ones, which must not cost more.
const RESULTS: [(Text, usize, bool); 5] = [
    (Text::Prose, 16, false),
    (Text::Prose, 16, true),
    (Text::Nested, 100_000, false),
    (Text::Base64, 100_000, false),
    (Text::Structured, 100_000, true),
];

macro_rules! exchange {
    ($name:ident, $result:ident, $service:expr) => {
        #[divan::bench(args = 0..RESULTS.len())]
        fn $name(bencher: Bencher<'_, '_>, index: usize) {
            let $result = RESULTS[index];
            let service = $service;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime");
            bencher.with_inputs(request).bench_local_values(|request| {
                runtime.block_on(async {
                    let response = service.clone().oneshot(request).await.expect("a response");
                    response.into_body().collect().await.expect("a whole body")
                })
            });
        }
    };
}

exchange!(bare, result, inner(answer(result.0, result.1, result.2), result.2));
exchange!(layered, result, {
    let body = answer(result.0, result.1, result.2);
    toolsight()
        .layer()
        .layer(service_fn(move |request| serve(request, body.clone(), result.2)))
});
