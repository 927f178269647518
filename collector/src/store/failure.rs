//! What ClickHouse's errors mean for the one who has to act.

use clickhouse::error::Error;

use super::client::Clients;

/// The number in `Code: 241. DB::Exception: ...`, which is how every exception starts, whatever the HTTP status.
pub(super) fn code(error: &Error) -> Option<u32> {
    let Error::BadResponse(text) = error else { return None };
    let digits = text.strip_prefix("Code: ")?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// One line that says what happened, where, and what to do.
pub(super) fn describe(error: &Error, clients: &Clients) -> String {
    let Clients {
        place, user, database, ..
    } = clients;
    match (code(error), error) {
        (Some(192..=194 | 516), _) => {
            format!("ClickHouse at {place} refuses user {user}: check user and password in --store")
        }
        (Some(497), Error::BadResponse(text)) => match missing_right(text) {
            Some(right) => format!(
                "ClickHouse at {place} does not let user {user} work in {database}, for want of the right {right}: \
                 grant what docs/operations.md lists under \"Rights\""
            ),
            None => format!(
                "ClickHouse at {place} does not let user {user} work in {database}: {}",
                first_line(text)
            ),
        },
        (_, Error::BadResponse(text)) => format!("ClickHouse at {place} answers: {}", first_line(text)),
        (_, Error::Network(source)) => format!("ClickHouse at {place} cannot be reached: {}", root(source.as_ref())),
        (_, Error::TimedOut) => format!("ClickHouse at {place} does not answer in time"),
        _ => format!("ClickHouse at {place}: {error}"),
    }
}

/// One line about an answer that ClickHouse never gives.
pub(super) fn describe_stranger(answer: &[u8], clients: &Clients) -> String {
    let place = &clients.place;
    let text = String::from_utf8_lossy(answer);
    match first_line(text.trim()) {
        "" => {
            format!("what answers at {place} is not ClickHouse, and says nothing: look at the proxy or balancer there")
        }
        line => format!(
            "what answers at {place} is not ClickHouse: look at the proxy or balancer there, which says {line:?}"
        ),
    }
}

/// What an exception about rights asks for: `SELECT(a, b) ON database.table`.
fn missing_right(text: &str) -> Option<&str> {
    let (_, right) = first_line(text).split_once("necessary to have the grant ")?;
    let end = right.find(". (").unwrap_or(right.len());
    Some(&right[..end])
}

fn first_line(text: &str) -> &str {
    const LONGEST: usize = 400;
    let line = text.lines().next().unwrap_or_default();
    let end = (0..=LONGEST.min(line.len()))
        .rev()
        .find(|&at| line.is_char_boundary(at));
    &line[..end.unwrap_or_default()]
}

/// The innermost cause: the layers above only say "client error (Connect)".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_front_of_an_exception_only() {
        let cases = [
            ("Code: 241. DB::Exception: (MEMORY_LIMIT_EXCEEDED)", Some(241)),
            ("Code: 516", Some(516)),
            ("Code: x", None),
            ("502 Bad Gateway: Code: 241. no", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(code(&Error::BadResponse(text.to_owned())), expected, "{text}");
        }
        assert_eq!(code(&Error::TimedOut), None);
    }

    #[test]
    fn the_right_that_is_missing_is_read_from_an_exception() {
        let text = |right: &str| {
            format!(
                "Code: 497. DB::Exception: u: Not enough privileges. To execute this query, it's necessary to have \
                 the grant {right}. (ACCESS_DENIED) (version 26.7.2.1)\nmore"
            )
        };
        for right in [
            "SELECT for at least one column on system.processes",
            "INSERT(a, b) ON d.t",
        ] {
            assert_eq!(missing_right(&text(right)), Some(right));
        }
        let other = "Code: 497. DB::Exception: u attempts to kill query created by v. (ACCESS_DENIED)";
        assert_eq!(missing_right(other), None);
    }

    #[test]
    fn a_long_answer_is_cut_at_a_character() {
        assert_eq!(first_line("a\nb"), "a");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"ä".repeat(300)).len(), 400);
        assert_eq!(first_line(&format!("a{}", "ä".repeat(300))).len(), 399);
    }
}
