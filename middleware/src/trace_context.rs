//! W3C Trace Context, read from `params._meta` and from HTTP headers.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use rand::Rng as _;

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

impl TraceParent {
    /// `None` where it is not valid (W3C Trace Context, section 3.2).
    ///
    /// Any flags byte is accepted: SDKs set bits beyond the sampled one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::read_bytes(text.trim().as_bytes())
    }

    /// The same of text without blanks around it.
    pub(crate) fn read_bytes(text: &[u8]) -> Option<Self> {
        let (parts, rest) = text.split_first_chunk::<55>()?;
        let digits = |at: usize| parts[at..].first_chunk().and_then(lower_hex);
        if [parts[2], parts[35], parts[52]] != [b'-'; 3] {
            return None;
        }
        let version = byte(&parts[..2]).filter(|version| *version != 0xff)?;
        if !rest.is_empty() && (version == 0 || rest[0] != b'-') {
            return None;
        }
        let trace = u128::from(digits(3)?) << 64 | u128::from(digits(19)?);
        let span = digits(36)?;
        let flags = byte(&parts[53..55])?;
        (trace != 0 && span != 0).then(|| Self {
            trace: TraceId::from(trace),
            span: SpanId::from(span),
            flags: TraceFlags::new(flags),
        })
    }

    /// The span that it names, with what `tracestate` says; one that is not valid says nothing.
    pub(crate) fn context(self, state: Option<&str>) -> SpanContext {
        let state = state
            .and_then(|state| TraceState::from_str(state).ok())
            .unwrap_or_default();
        SpanContext::new(self.trace, self.span, self.flags, true, state)
    }
}

/// The number that 16 lower-case digits stand for. Each step is the same for all of them, so that they are read together.
fn lower_hex(digits: &[u8; 16]) -> Option<u64> {
    let is_digit = |byte: u8| byte.wrapping_sub(b'0') < 10 || byte.wrapping_sub(b'a') < 6;
    let valid = digits.iter().fold(true, |valid, byte| valid & is_digit(*byte));
    let values = digits.map(|byte| (byte & 0xf) + 9 * (byte >> 6));
    // Two and two are moved together.
    let mut number = u128::from_be_bytes(values);
    for (width, kept) in [
        (4, u128::MAX / 0x101),
        (8, u128::MAX / 0x1_0001),
        (16, u128::MAX / 0x1_0000_0001),
        (32, u128::MAX / 0x1_0000_0000_0000_0001),
    ] {
        number = (number | number >> width) & kept;
    }
    valid.then_some(number as u64)
}

fn byte(hex: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(hex[0])? << 4 | digit(hex[1])?) as u8)
}

/// Bytes of `tracestate` that are passed on; the specification asks for at least 512.
const STATE_LIMIT: usize = 1024;

/// As many whole entries of a `tracestate` as fit, the newest of which stand first (W3C Trace Context, section 3.3.1.5).
pub(crate) fn whole_entries(state: &str) -> &str {
    if state.len() < STATE_LIMIT {
        return state;
    }
    let end = state[..state.floor_char_boundary(STATE_LIMIT)].rfind(',');
    &state[..end.unwrap_or(0)]
}

/// A new span in the trace of `parent` and sampled as that is, or in a new and sampled trace.
pub(crate) fn child(parent: Option<&SpanContext>) -> SpanContext {
    let mut random = rand::rng();
    let trace = parent.map_or_else(
        || TraceId::from(not_zero(|| random.random::<u128>())),
        SpanContext::trace_id,
    );
    let flags = parent.map_or(TraceFlags::SAMPLED, SpanContext::trace_flags);
    let state = parent.map(|parent| parent.trace_state().clone()).unwrap_or_default();
    SpanContext::new(
        trace,
        SpanId::from(not_zero(|| random.random::<u64>())),
        flags,
        false,
        state,
    )
}

/// The first of these numbers that is not zero, since no id is.
fn not_zero<T: Default + PartialEq>(mut numbers: impl FnMut() -> T) -> T {
    loop {
        let number = numbers();
        if number != T::default() {
            return number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "5b8aa5a2d2c872e8321cf37308d69df2";
    const SPAN: &str = "051581bf3cb55c13";

    #[test]
    fn valid_parents_are_read_and_others_ignored() {
        for (text, valid) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-03"), true),
            (format!("01-{TRACE}-{SPAN}-00-more"), true),
            (format!("00-{TRACE}-{SPAN}-01-more"), false),
            (format!("ff-{TRACE}-{SPAN}-01"), false),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), false),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), false),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), false),
            (format!("00-{TRACE}-{SPAN}"), false),
            (format!("+0-{TRACE}-{SPAN}-01"), false),
            (format!("00-{TRACE}-{SPAN}-+1"), false),
            ("nonsense".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(TraceParent::read(&text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn a_child_stays_in_the_trace_and_has_an_id_of_its_own() {
        let parse = |text: String| TraceParent::read(&text).unwrap().context(Some("v=1"));
        let parent = parse(format!("00-{TRACE}-{SPAN}-01"));
        let child = child(Some(&parent));
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert_eq!(child.trace_state().get("v"), Some("1"));
        assert!(super::child(None).is_valid());
        let unsampled = parse(format!("00-{TRACE}-{SPAN}-02"));
        assert_eq!(super::child(Some(&unsampled)).trace_flags(), unsampled.trace_flags());
    }

    #[test]
    fn a_long_state_loses_whole_entries() {
        let state = format!("new=1,{}", "old=2,".repeat(400));
        let kept = whole_entries(&state);
        assert!(kept.len() < STATE_LIMIT && kept.starts_with("new=1,") && kept.ends_with("old=2"));
        assert_eq!(whole_entries("a=1"), "a=1");
        assert_eq!(whole_entries(&"x".repeat(5000)), "");
    }
}
