//! Moments as RFC 3339 writes them, in microseconds since 1970.

use std::ops::Range;

/// The moments that `text` can stand for: it is cut behind its last digit, which may be that of the seconds.
pub(super) fn read(text: &str) -> Option<Range<u64>> {
    let (date, rest) = text.split_at_checked("2026-07-28".len())?;
    let (time, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked("10:00:00".len())?;
    let ([year, month, day], [hour, minute, second]) = (three(date, '-')?, three(time, ':')?);
    // Years begin in March, so that the day that is not in each of them is its last.
    let (year, months) = match month {
        1..=2 => (year.checked_sub(1)?, month + 9),
        3..=12 => (year, month - 3),
        _ => return None,
    };
    let days = (365 * year + year / 4 - year / 100 + year / 400 + (153 * months + 2) / 5 + day).checked_sub(719_469)?;
    let local = ((days * 24 + hour) * 60 + minute) * 60 + second;
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let kept = digits.min(6);
    let resolution = 10_u64.pow(6 - kept as u32);
    let offset = &rest[if digits > 0 { digits + 1 } else { 0 }..];
    let seconds = match (offset.as_bytes().first(), offset.get(1..)) {
        (Some(b'+'), Some(offset)) => local.checked_sub(minutes(offset)? * 60)?,
        (Some(b'-'), Some(offset)) => local + minutes(offset)? * 60,
        _ => local,
    };
    let parts = fraction[..kept].parse::<u64>().unwrap_or_default();
    let start = seconds * 1_000_000 + parts * resolution;
    Some(start..start + resolution)
}

fn minutes(offset: &str) -> Option<u64> {
    let (hours, minutes) = offset.split_once(':')?;
    Some(number(hours)? * 60 + number(minutes)?)
}

fn three(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.splitn(3, between).map(number);
    Some([parts.next()??, parts.next()??, parts.next()??])
}

/// Of so few digits that nothing that is reckoned with it overflows.
fn number(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|_| digits.len() <= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_exactly_as_it_is_written() {
        const SECOND: u64 = 1_000_000;
        // `date --date=TEXT +%s` tells the seconds.
        for (text, expected) in [
            ("2026-11-21T10:00:00Z", Some((1_795_255_200 * SECOND, SECOND))),
            ("2026-11-21T10:00:00", Some((1_795_255_200 * SECOND, SECOND))),
            ("2026-11-21t12:00:00.25+02:00", Some((1_795_255_200_250_000, 10_000))),
            ("2026-11-21T08:30:00.250-01:30", Some((1_795_255_200_250_000, 1_000))),
            ("2026-11-21 10:00:00.1234567Z", Some((1_795_255_200_123_456, 1))),
            ("2024-02-29T23:59:60Z", Some((1_709_251_200 * SECOND, SECOND))),
            ("2024-03-01T00:00:00Z", Some((1_709_251_200 * SECOND, SECOND))),
            ("2100-03-01T00:00:00Z", Some((4_107_542_400 * SECOND, SECOND))),
            ("1970-01-01T00:00:00Z", Some((0, SECOND))),
            ("1969-12-31T23:59:59Z", None),
            ("0000-01-01T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-11-21", None),
            ("2026-11-21T10:00:00+x", None),
            ("99999-11-2T10:00:00Z", None),
            ("yesterday, at ten", None),
            ("äääääääääääääääääää", None),
            ("", None),
        ] {
            let read = read(text).map(|range| (range.start, range.end - range.start));
            assert_eq!(read, expected, "{text}");
        }
    }
}
