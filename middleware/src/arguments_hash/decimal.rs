//! Numbers by their value.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

/// A number as digits without zeros at either end, and the power of ten that the last of them stands for.
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let negative = text.starts_with(b"-");
        let text = &text[usize::from(negative)..];
        let mantissa_end = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, power) = text.split_at(mantissa_end.unwrap_or(text.len()));
        let mut exponent: i64 = match power.get(1..) {
            Some(power) => std::str::from_utf8(power).ok()?.parse().ok()?,
            None => 0,
        };
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = mantissa.split_at(point.unwrap_or(mantissa.len()));
        let fraction = fraction.get(1..).unwrap_or_default();
        let mut digits = [whole, fraction].concat();
        if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        let zero = digits.is_empty();
        Some(Self {
            negative: negative && !zero,
            digits,
            exponent: if zero { 0 } else { exponent },
        })
    }

    pub(super) fn hash(&self, mut hasher: SipHasher24) -> SipHasher24 {
        hasher.write_u8(u8::from(self.negative));
        hasher.write_i64(self.exponent);
        hasher.write(&self.digits);
        hasher
    }
}
