//! The table of known clients, `clients.tsv`, read when this is compiled.

const TABLE: &str = include_str!("clients.tsv");

/// Version of the table of known clients that [`Clients`](crate::Clients) adds to: the day on which it was last changed, as in
/// `2026-11-22`.
pub const CLIENTS_VERSION: &str = split(split(TABLE, b'\n').0, b' ').1;

/// What a bridge is known as, since it is no client.
pub(super) const BRIDGE: &str = "(bridge)";

static KNOWN: [(&str, &str); count(TABLE)] = rows(TABLE);

/// What the client of this key, see [`key`](super::clients::key), is known as.
pub(super) fn known(key: &str) -> Option<&'static str> {
    let at = match KNOWN.binary_search_by_key(&key, |(name, _)| name) {
        Ok(at) => at,
        // Names that a `*` stands for are sorted behind it.
        Err(behind) => {
            let at = behind.checked_sub(1)?;
            key.starts_with(KNOWN[at].0.strip_suffix('*')?).then_some(at)?
        }
    };
    Some(KNOWN[at].1)
}

/// What is before and behind the first byte `at`, which is ASCII.
const fn split(text: &str, at: u8) -> (&str, &str) {
    let mut index = 0;
    while index < text.len() {
        if text.as_bytes()[index] == at {
            return (text.split_at(index).0, text.split_at(index + 1).1);
        }
        index += 1;
    }
    (text, "")
}

const fn count(mut text: &str) -> usize {
    let mut count = 0;
    while !text.is_empty() {
        let (line, rest) = split(text, b'\n');
        count += (line.as_bytes()[0] != b'#') as usize;
        text = rest;
    }
    count
}

const fn rows<const COUNT: usize>(mut text: &str) -> [(&str, &str); COUNT] {
    let mut rows = [("", ""); COUNT];
    let mut row = 0;
    while !text.is_empty() {
        let (line, rest) = split(text, b'\n');
        if line.as_bytes()[0] != b'#' {
            rows[row] = split(line, b'\t');
            row += 1;
        }
        text = rest;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::clients::key;
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_names_are_keys() {
        assert_eq!(KNOWN.len(), TABLE.lines().filter(|line| line.contains('\t')).count());
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
        for (raw, name) in KNOWN {
            assert_eq!(key(raw), *raw);
            assert!(!name.is_empty() && name.trim() == name, "{raw}");
            let by_itself = known(&key(name)).unwrap_or(name);
            assert!(by_itself == name || name == BRIDGE, "{name} is known by itself");
        }
    }

    #[test]
    fn a_name_that_ends_with_a_star_hides_no_other() {
        for (prefix, behind) in KNOWN.iter().zip(&KNOWN[1..]) {
            if let Some(prefix) = prefix.0.strip_suffix('*') {
                assert!(!behind.0.starts_with(prefix), "{}", behind.0);
            }
        }
    }

    #[test]
    fn the_version_is_a_day() {
        let parts: Vec<_> = CLIENTS_VERSION
            .split('-')
            .map(|part| (part.len(), part.parse::<u16>().is_ok()))
            .collect();
        assert_eq!(parts, [(4, true), (2, true), (2, true)], "{CLIENTS_VERSION}");
    }
}
