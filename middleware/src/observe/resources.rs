//! The resources that the server is known to have: by the templates of their addresses and by schemes, as an address may name
//! a person or a file, and there are as many as there are records.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};

use foldhash::fast::RandomState;

use super::limits::Counters;
use super::template::Template;
use crate::record::Text;
use crate::wire::UriTemplate;

/// Templates that are remembered; resources of a server's further templates go by their scheme.
const TEMPLATES: usize = 256;
/// Schemes that are remembered; further ones are reported as `_OTHER` in metrics.
const SCHEMES: usize = 64;
/// Bytes of a scheme; the longest of those that IANA has registered has 36.
const LONGEST_SCHEME: usize = 48;

/// Templates learnt from `resources/templates/list`, and schemes from what was read. Both stay, as names of tools do.
#[derive(Debug, Default)]
pub(crate) struct Resources {
    known: RwLock<Known>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Known {
    /// In their order.
    templates: Vec<Template>,
    schemes: HashSet<Text, RandomState>,
}

impl Resources {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            ..Self::default()
        }
    }

    /// Remembers the templates of a page.
    pub(crate) fn learn_page(&self, page: &[UriTemplate]) {
        for template in page.iter().filter_map(Template::read) {
            if self.knows(&template.text) {
                continue;
            }
            let Ok(mut known) = self.known.write() else {
                return;
            };
            let templates = &mut known.templates;
            if templates.len() == TEMPLATES {
                self.counters.names.fetch_add(1, Relaxed);
            } else if let Err(place) = templates.binary_search_by(|other| other.order().cmp(&template.order())) {
                templates.insert(place, template);
            }
        }
    }

    /// Remembers the scheme of a resource that a call has shown to be there, unless `name` is a template.
    pub(crate) fn learn_scheme(&self, name: &Text) {
        if !name.is_empty()
            && !self.knows(name)
            && let Ok(mut known) = self.known.write()
        {
            if known.schemes.len() < SCHEMES {
                known.schemes.insert(name.clone());
            } else {
                self.counters.names.fetch_add(1, Relaxed);
            }
        }
    }

    /// The template that `uri` was made of; of several that of most literal characters.
    pub(super) fn template_of(&self, uri: &str) -> Option<Text> {
        let known = self.known.read().ok()?;
        let template = known.templates.iter().find(|template| template.matches(uri))?;
        Some(template.text.clone())
    }

    /// Whether it is a known template or scheme.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.read().is_ok_and(|known| {
            known.schemes.contains(name) || known.templates.iter().any(|template| template.text == name)
        })
    }
}

/// The scheme of a URI; empty where it is none (RFC 3986, section 3.1), since what is before a colon may be anything.
pub(super) fn scheme(uri: &str) -> Text {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_one = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other));
    if is_one && scheme.len() <= LONGEST_SCHEME {
        scheme.into()
    } else {
        Text::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> UriTemplate {
        UriTemplate {
            text: text.into(),
            is_cut: false,
        }
    }

    fn list(resources: &Resources, templates: &[&str]) {
        let page: Vec<_> = templates.iter().map(|template| told(template)).collect();
        resources.learn_page(&page);
    }

    #[test]
    fn of_several_templates_the_one_with_most_literal_characters_is_taken() {
        for (templates, uri, expected) in [
            (&[][..], "a:b/c", None),
            (&["a:{x}"], "a:b/c", None),
            (&["a:{+x}", "a:{x}/c", "{+x}"], "a:b/c", Some("a:{x}/c")),
            (&["{+x}", "a:b{/x}", "a:{+x}"], "a:b/c", Some("a:b{/x}")),
            (&["a:{x}/b", "a:{y}/b"], "a:c/b", Some("a:{x}/b")),
            (&["a:{y}/b", "a:{x}/b"], "a:c/b", Some("a:{x}/b")),
            (&["a:{x}", "a:b"], "a:b", Some("a:{x}")),
        ] {
            let resources = Resources::default();
            list(&resources, templates);
            list(&resources, templates);
            assert_eq!(resources.template_of(uri).as_deref(), expected, "{templates:?}");
        }
    }

    #[test]
    fn what_is_before_a_colon_is_a_scheme_only_where_it_can_be_one() {
        for (uri, expected) in [
            ("file:///home/ada", "file"),
            ("git+ssh://host/repository", "git+ssh"),
            ("urn:isbn:0451450523", "urn"),
            ("/home/ada: plans", ""),
            ("Ada's plans: secret", ""),
            ("ada@example.org:25", ""),
            ("4chan:x", ""),
            ("plans", ""),
            (":", ""),
            (&format!("{}:", "a".repeat(49)), ""),
        ] {
            assert_eq!(scheme(uri), expected, "{uri}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn what_is_beyond_the_limits_is_counted_each_time_it_is_met() {
        let resources = Resources::default();
        let forgotten = || resources.counters.read().names;
        for index in 0..TEMPLATES {
            list(&resources, &[&format!("a:{index}/{{x}}")]);
        }
        assert_eq!(forgotten(), 0);
        for _ in 0..2 {
            list(&resources, &["a:0/{x}", "b:{x}", "no template"]);
        }
        assert_eq!((forgotten(), resources.template_of("b:c")), (2, None));
        assert_eq!(resources.template_of("a:7/c").as_deref(), Some("a:7/{x}"));
        for index in 0..SCHEMES + 3 {
            resources.learn_scheme(&format!("s{index}").into());
            resources.learn_scheme(&"".into());
        }
        assert_eq!(forgotten(), 2 + 3);
        assert!(resources.knows("s0") && !resources.knows(&format!("s{SCHEMES}")) && !resources.knows(""));
        assert!(resources.knows("a:7/{x}") && !resources.knows("b:{x}"));
    }
}
