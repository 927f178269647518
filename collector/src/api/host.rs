//! Keeps web pages of other sites from reading this one through a name that they point at this machine.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::ApiError;

/// Which hosts a request may name.
///
/// A server that listens on a loopback address, or was told of hosts, answers to `localhost`, loopback addresses and
/// those hosts. A server that listens elsewhere and was told of none answers to any: what is not loopback is expected to
/// be protected otherwise.
#[derive(Clone, Debug)]
pub struct AllowedHosts(Option<Arc<[String]>>);

impl AllowedHosts {
    /// The hosts that a server at `listen` answers to; `more` are names or addresses without a port.
    pub fn new(listen: SocketAddr, more: &[String]) -> Self {
        Self((listen.ip().is_loopback() || !more.is_empty()).then(|| more.into()))
    }

    fn allow(&self, authority: &str) -> bool {
        let Some(more) = &self.0 else {
            return true;
        };
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback())
            || more.iter().any(|allowed| host.eq_ignore_ascii_case(allowed))
    }
}

/// Refuses requests that name another host, or none.
pub(crate) async fn check(State(hosts): State<AllowedHosts>, request: Request, next: Next) -> Response {
    let headers = request.headers().get_all(HOST).iter();
    let named: Vec<&str> = headers
        .map(|host| host.to_str().unwrap_or_default())
        .chain(request.uri().authority().map(Authority::as_str))
        .collect();
    match named.iter().find(|host| !hosts.allow(host)) {
        Some(host) => ApiError::ForbiddenHost((*host).to_owned()).into_response(),
        None if named.is_empty() && !hosts.allow("") => ApiError::ForbiddenHost(String::new()).into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_server_answers_to_loopback_names_and_the_configured_ones() {
        let hosts = AllowedHosts::new(([127, 0, 0, 1], 4319).into(), &["tools.example".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:4319",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:4319",
            "tools.example:1",
        ] {
            assert!(hosts.allow(host), "{host} should be allowed");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "a b",
            "localhost@evil.example",
        ] {
            assert!(!hosts.allow(host), "{host} should be refused");
        }
    }

    #[test]
    fn a_server_on_another_address_answers_to_any_name_until_it_is_told_some() {
        let hosts = AllowedHosts::new(([0, 0, 0, 0], 4319).into(), &[]);
        assert!(hosts.allow("dashboards.example"));
        let hosts = AllowedHosts::new(([0, 0, 0, 0], 4319).into(), &["collector".to_owned()]);
        assert!(hosts.allow("collector:4319") && hosts.allow("localhost"));
        assert!(
            !hosts.allow("evil.example"),
            "whoever names hosts wants the others refused"
        );
    }
}
