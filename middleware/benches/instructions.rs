//! One kind of exchange again and again, for callgrind to count; see `instructions.sh` beside this file.
//!
//! Nothing is exported: what the export thread does is not counted.

#[path = "support/exchange.rs"]
mod exchange;

use exchange::{Text, answer, inner, request, serve};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use toolsight::Toolsight;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

fn main() {
    let words = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect::<Vec<_>>();
    let [who, text, bytes, stream, calls] = &words[..] else {
        // `cargo bench` without words: there is nothing to measure without callgrind.
        return;
    };
    let text = match text.as_str() {
        "nested" => Text::Nested,
        "base64" => Text::Base64,
        "structured" => Text::Structured,
        _ => Text::Prose,
    };
    let (bytes, stream) = (bytes.parse().expect("bytes of the result"), stream == "stream");
    let calls: usize = calls.parse().expect("a number of calls");
    let body = answer(text, bytes, stream);
    if who == "bare" {
        run(calls, &inner(body, stream));
    } else {
        let toolsight = Toolsight::builder()
            .endpoint("http://127.0.0.1:9")
            .build()
            .expect("a valid address");
        run(
            calls,
            &toolsight
                .layer()
                .layer(service_fn(move |request| serve(request, body.clone(), stream))),
        );
    }
}

fn run<S, R>(calls: usize, service: &S)
where
    S: Service<Request<Full<bytes::Bytes>>, Response = Response<R>, Error = std::convert::Infallible> + Clone,
    R: http_body::Body,
    R::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    for _ in 0..calls {
        let request = request();
        measured(|| {
            runtime.block_on(async {
                let response = service.clone().oneshot(request).await.expect("a response");
                response.into_body().collect().await.expect("a whole body")
            });
        });
    }
}

/// What callgrind counts.
#[inline(never)]
fn measured(exchange: impl FnOnce()) {
    exchange();
}
