//! Which lines of a list of the cache are wanted: `size>1G`, `accessed>30d`, `type=dataset`. Pure.
//!
//! The words are those of `hf cache ls`.

use std::cmp::Ordering;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use hfast::cache::{CachedRepo, CachedRevision};
use hfast::{Error, ErrorKind, RepoType};

/// A line: a repository, or one of its revisions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) repo: &'a CachedRepo,
    pub(super) revision: Option<&'a CachedRevision>,
}

impl Entry<'_> {
    pub(super) fn size(&self) -> u64 {
        self.revision
            .map_or(self.repo.size, |revision| revision.size)
    }

    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.revision
            .map_or(self.repo.modified, |revision| revision.modified)
    }

    fn has_ref(&self, name: &str) -> bool {
        let whole = self
            .repo
            .revisions
            .iter()
            .filter(|_| self.revision.is_none());
        let mut all = self.revision.into_iter().chain(whole);
        all.any(|revision| {
            revision
                .refs
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name))
        })
    }
}

/// What must hold of a line.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    Size(Comparison, u64),
    Accessed(Comparison, Duration),
    Modified(Comparison, Duration),
    Type(RepoType),
    Ref(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    More,
    Less,
    AtLeast,
    AtMost,
}

/// As they are written, the longer ones first.
const COMPARISONS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::Unequal),
    (">", Comparison::More),
    ("<", Comparison::Less),
    ("=", Comparison::Equal),
];

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::More => order.is_gt(),
            Self::Less => order.is_lt(),
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
        }
    }
}

impl Filter {
    pub(super) fn admits(&self, entry: &Entry<'_>, now: SystemTime) -> bool {
        // What is not known is neither old nor young.
        let is_old = |how: Comparison, at: Option<SystemTime>, age: &Duration| {
            let age_now = at.map(|at| now.duration_since(at).unwrap_or_default());
            age_now.is_some_and(|age_now| how.holds(age_now.cmp(age)))
        };
        match self {
            Self::Size(how, size) => how.holds(entry.size().cmp(size)),
            Self::Accessed(how, age) => is_old(*how, entry.repo.accessed, age),
            Self::Modified(how, age) => is_old(*how, entry.modified(), age),
            Self::Type(kind) => entry.repo.repo.kind == *kind,
            Self::Ref(name) => entry.has_ref(name),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read(text.trim()).ok_or_else(|| {
            let message = format!("--filter {text:?} makes no sense");
            Error::new(ErrorKind::Usage, message).with_hint(
                "write it as size>1G, accessed>30d, modified<7d, type=dataset or refs=main; \
                 = != > < >= <= compare, and only = for type and refs",
            )
        })
    }
}

fn read(text: &str) -> Option<Filter> {
    let at = text.find(['=', '!', '>', '<'])?;
    let (key, rest) = text.split_at(at);
    let mut signs = COMPARISONS.iter();
    let (sign, how) = signs.find(|(sign, _)| rest.starts_with(sign))?;
    let value = rest[sign.len()..].trim();
    let only_equal = || (*how == Comparison::Equal && !value.is_empty()).then_some(value);
    Some(match key.trim().to_ascii_lowercase().as_str() {
        "size" => Filter::Size(*how, size(value)?),
        "accessed" => Filter::Accessed(*how, age(value)?),
        "modified" => Filter::Modified(*how, age(value)?),
        "type" => Filter::Type(only_equal()?.parse().ok()?),
        "refs" => Filter::Ref(only_equal()?.to_owned()),
        _ => return None,
    })
}

/// A number and its unit, in lower case.
fn number(text: &str) -> Option<(f64, String)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim().to_ascii_lowercase()))
}

/// `500`, `1.5G` or `10 MB`, in powers of 1000.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = number(text)?;
    let power = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and what is too large becomes the largest"
    )]
    Some((number * 1000_f64.powi(power)) as u64)
}

/// `90s`, `15m`, `2h`, `7d`, `3w`, `6mo` or `1y`.
fn age(text: &str) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    let (number, unit) = number(text)?;
    let seconds = match unit.as_str() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => DAY,
        "w" => 7.0 * DAY,
        "mo" => 30.0 * DAY,
        "y" => 365.0 * DAY,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let read = |text: &str| text.parse::<Filter>().ok();
        assert_eq!(
            read("size>1.5G"),
            Some(Filter::Size(Comparison::More, 1_500_000_000))
        );
        assert_eq!(
            read(" Size >= 10 MB "),
            Some(Filter::Size(Comparison::AtLeast, 10_000_000))
        );
        assert_eq!(
            read("accessed>30d"),
            Some(Filter::Accessed(
                Comparison::More,
                Duration::from_secs(30 * 86_400)
            ))
        );
        assert_eq!(read("type=dataset"), Some(Filter::Type(RepoType::Dataset)));
        assert_eq!(read("refs=main"), Some(Filter::Ref("main".to_owned())));
        for bad in [
            "",
            "size",
            "size>",
            "size>x",
            "size~1",
            "size>1Q",
            "age>1d",
            "accessed>5",
            "type!=model",
            "type=thing",
            "refs=",
            "size>-1",
            "modified>1e400y",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
