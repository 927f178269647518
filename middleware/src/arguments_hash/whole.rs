//! Reads an object whose bytes are all there, as most are, in one turn.

use std::hash::Hasher as _;

use super::decimal::Decimal;
use super::gathered::Gathered;
use super::literals::{NUMBER_LIMIT, length};
use super::{End, Secret};
use crate::wire::plain_string;
use memchr::memchr2;

/// Containers that may be open at once here.
const DEPTH_LIMIT: usize = 16;

/// The hash of the object that `bytes` begin with, as a [`CanonicalHash`](super::CanonicalHash) makes it, and what follows
/// the object. Key and value of each of its members are told.
///
/// `None` where it is not whole, has none, or takes more than a look: where a string has escapes, or it is deep.
pub(crate) fn object<'a>(
    secret: Secret,
    bytes: &'a [u8],
    told: &mut dyn FnMut(&[u8], &[u8]),
) -> Option<(u64, &'a [u8])> {
    let mut hasher = Gathered::new(secret);
    let rest = members(secret, bytes.strip_prefix(b"{")?, DEPTH_LIMIT, told, &mut hasher)?;
    Some((hasher.finish(), rest))
}

/// Hashes the members of an object and returns what follows its closing bracket.
fn members<'a>(
    secret: Secret,
    bytes: &'a [u8],
    room: usize,
    told: &mut dyn FnMut(&[u8], &[u8]),
    around: &mut Gathered,
) -> Option<&'a [u8]> {
    let (mut sum, mut count) = (0_u64, 0_u64);
    let mut bytes = unblank(bytes);
    if let [b'}', rest @ ..] = bytes {
        bytes = rest;
    } else {
        loop {
            let (key, rest) = string(bytes.strip_prefix(b"\"")?)?;
            let mut hasher = Gathered::new(secret);
            hasher.write(key);
            end(&mut hasher, End::Key, key.len());
            let from = unblank(rest.strip_prefix(b":")?);
            let rest = value(secret, from, room, &mut hasher)?;
            told(key, &from[..from.len() - rest.len()]);
            sum = sum.wrapping_add(hasher.finish());
            count += 1;
            let rest = unblank(rest);
            match rest.split_first()? {
                (b',', rest) => bytes = unblank(rest),
                (b'}', rest) => {
                    bytes = rest;
                    break;
                }
                _ => return None,
            }
        }
    }
    let mut hasher = Gathered::new(secret);
    hasher.write_u64(sum);
    hasher.write_u64(count);
    around.write_u64(hasher.finish());
    end(around, End::Object, 0);
    Some(bytes)
}

/// Hashes the elements of an array and returns what follows its closing bracket.
fn elements<'a>(secret: Secret, bytes: &'a [u8], room: usize, around: &mut Gathered) -> Option<&'a [u8]> {
    let mut hasher = Gathered::new(secret);
    let mut bytes = unblank(bytes);
    if let [b']', rest @ ..] = bytes {
        bytes = rest;
    } else {
        loop {
            let rest = unblank(value(secret, bytes, room, &mut hasher)?);
            match rest.split_first()? {
                (b',', rest) => bytes = unblank(rest),
                (b']', rest) => {
                    bytes = rest;
                    break;
                }
                _ => return None,
            }
        }
    }
    end(&mut hasher, End::Elements, 0);
    around.write_u64(hasher.finish());
    end(around, End::Array, 0);
    Some(bytes)
}

fn value<'a>(secret: Secret, bytes: &'a [u8], room: usize, hasher: &mut Gathered) -> Option<&'a [u8]> {
    match bytes {
        [b'"', rest @ ..] => {
            let (text, rest) = string(rest)?;
            hasher.write(text);
            end(hasher, End::Text, text.len());
            Some(rest)
        }
        [b'{', rest @ ..] => members(secret, rest, room.checked_sub(1)?, &mut |_, _| {}, hasher),
        [b'[', rest @ ..] => elements(secret, rest, room.checked_sub(1)?, hasher),
        _ => {
            let (literal, rest) = bytes.split_at(length(bytes)?);
            match literal {
                b"true" | b"false" | b"null" => {
                    hasher.write(literal);
                    end(hasher, End::Literal, literal.len());
                }
                [b'-' | b'0'..=b'9', ..] if literal.len() <= NUMBER_LIMIT => {
                    let digits = Decimal::read(literal)?.hash(hasher);
                    end(hasher, End::Number, digits as usize);
                }
                _ => return None,
            }
            Some(rest)
        }
    }
}

fn end(hasher: &mut Gathered, end: End, length: usize) {
    hasher.write_u64((end as u64) << 56 | length as u64);
}

/// What is before and behind the closing quote of a string without escapes.
#[inline(never)]
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    plain_string(bytes).or_else(|| far_string(bytes))
}

#[cold]
fn far_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'"', b'\\', bytes).filter(|end| bytes[*end] == b'"')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// What follows the blanks that `bytes` may begin with.
#[inline(always)]
fn unblank(bytes: &[u8]) -> &[u8] {
    if bytes.first().is_some_and(|byte| *byte <= b' ') {
        behind_blanks(bytes)
    } else {
        bytes
    }
}

#[inline(never)]
fn behind_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}
