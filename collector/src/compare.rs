//! Comparing short texts.

/// Whether both are the same. As `==`, which calls a function: that takes longer than comparing a name does.
#[inline]
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && match (left.last_chunk::<8>(), right.last_chunk()) {
            // What is left over of the chunks stands in the last one.
            (Some(last_left), Some(last_right)) => {
                last_left == last_right && left.as_chunks::<8>().0.iter().eq(right.as_chunks().0)
            }
            _ => match (left, right, left.last_chunk::<4>(), right.last_chunk()) {
                ([a, b, c, d, ..], [e, f, g, h, ..], Some(last_left), Some(last_right)) => {
                    last_left == last_right && [a, b, c, d] == [e, f, g, h]
                }
                _ => left.iter().eq(right),
            },
        }
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn texts_are_the_same_in_every_byte_and_in_length() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..text.len() {
            let one = &text[..length];
            assert!(same(one, one), "{length}");
            assert!(!same(one, &text[..=length]), "{length}");
            for place in 0..length {
                let mut other = one.to_vec();
                other[place] ^= 1;
                assert!(!same(one, &other), "{place} of {length}");
            }
        }
    }
}
