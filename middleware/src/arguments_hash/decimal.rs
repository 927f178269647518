//! Numbers by their value.

use std::hash::Hasher;

/// A number as digits without zeros at either end, and the power of ten that the last of them stands for.
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Those before the point and those behind it.
    digits: [&'a [u8]; 2],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let negative = text.starts_with(b"-");
        let text = &text[usize::from(negative)..];
        if text.iter().all(u8::is_ascii_digit)
            && let [b'1'..=b'9', .., b'1'..=b'9'] | [b'1'..=b'9'] = text
        {
            // As most are.
            let digits = [text, &[]];
            return Some(Self {
                negative,
                digits,
                exponent: 0,
            });
        }
        let mantissa_end = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, power) = text.split_at(mantissa_end.unwrap_or(text.len()));
        let exponent: i64 = match power.get(1..) {
            Some(power) => std::str::from_utf8(power).ok()?.parse().ok()?,
            None => 0,
        };
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = mantissa.split_at(point.unwrap_or(mantissa.len()));
        let fraction = fraction.get(1..).unwrap_or_default();
        if whole.is_empty()
            || ![whole, fraction]
                .iter()
                .all(|digits| digits.iter().all(u8::is_ascii_digit))
        {
            return None;
        }
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let (mut whole, mut fraction, mut zeros) = (whole, fraction, 0);
        while let [digits @ .., b'0'] = fraction {
            (fraction, zeros) = (digits, zeros + 1);
        }
        if fraction.is_empty() {
            while let [digits @ .., b'0'] = whole {
                (whole, zeros) = (digits, zeros + 1);
            }
        }
        while let [b'0', digits @ ..] = whole {
            whole = digits;
        }
        if whole.is_empty() {
            while let [b'0', digits @ ..] = fraction {
                fraction = digits;
            }
        }
        let exponent = exponent.checked_add(zeros)?;
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self {
            negative: negative && !zero,
            digits: [whole, fraction],
            exponent: if zero { 0 } else { exponent },
        })
    }

    /// Returns the number of digits.
    pub(super) fn hash(&self, hasher: &mut impl Hasher) -> u64 {
        hasher.write_u8(u8::from(self.negative));
        hasher.write_i64(self.exponent);
        let [whole, fraction] = self.digits;
        hasher.write(whole);
        if !fraction.is_empty() {
            hasher.write(fraction);
        }
        (whole.len() + fraction.len()) as u64
    }
}
