//! The settings file: found, read, and refused with one sentence when it makes no sense.
//!
//! What its values mean beside flags and variables is decided in [`crate::settings`].

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use hfast::{Error, ErrorKind};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::env::Env;
use crate::flags::{AT_ONCE, ProgressStyle};

/// The keys of the file. A key that is not here is an error: a typing mistake should not be silent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    #[serde(default)]
    pub(crate) endpoints: Vec<String>,
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    #[serde(default, deserialize_with = "at_once")]
    pub(crate) max_connections: Option<u16>,
    #[serde(default, deserialize_with = "at_once")]
    pub(crate) max_workers: Option<u16>,
    pub(crate) limit_rate: Option<String>,
    pub(crate) progress: Option<ProgressStyle>,
}

/// Bytes. Its six keys take some hundreds.
const LONGEST: u64 = 1 << 20;

impl ConfigFile {
    /// Reads the file that the user named, else the usual one if it is there.
    pub(crate) fn read(env: &Env) -> Result<Self, Error> {
        match (&env.config, &env.default_config) {
            (Some(named), _) => read_at(named)?.ok_or_else(|| {
                let message = format!("there is no settings file {}", named.display());
                Error::new(ErrorKind::Usage, message)
                    .with_hint("HFAST_CONFIG names it: correct or unset that variable")
            }),
            (None, Some(usual)) => Ok(read_at(usual)?.unwrap_or_default()),
            (None, None) => Ok(Self::default()),
        }
    }
}

fn read_at(path: &Path) -> Result<Option<ConfigFile>, Error> {
    let fault = |what: &str| {
        let message = format!("cannot use the settings file {}: {what}", path.display());
        Error::new(ErrorKind::Usage, message)
    };
    match read_text(path) {
        Ok(text) => parse(&text).map(Some).map_err(|what| {
            fault(&what).with_hint(
                "its keys are endpoints, sources, max-connections, max-workers, limit-rate and progress",
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault("it cannot be read")
            .with_source(error)
            .with_hint("correct it, or set HFAST_CONFIG to another file")),
    }
}

/// Reads no further than a settings file can reach, and waits for nobody: a pipe may have no writer.
fn read_text(path: &Path) -> io::Result<String> {
    let found = path.metadata()?;
    let mut text = String::new();
    if found.is_file() && found.len() <= LONGEST {
        File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    } else if path != Path::new("/dev/null") {
        let what = format!("it is no file of up to {LONGEST} bytes");
        return Err(io::Error::other(what));
    }
    Ok(text)
}

fn parse(text: &str) -> Result<ConfigFile, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        let what = error.message().lines().collect::<Vec<_>>().join(" ");
        let what = what.replace("expected i64", "expected a whole number");
        let end = error.span().map_or(0, |span| span.start);
        match key_before(text, end).filter(|key| !what.contains(&format!("`{key}`"))) {
            Some(key) => format!("line {line}: {key}: {what}"),
            None => format!("line {line}: {what}"),
        }
    })
}

/// The key whose value what is at `end` belongs to.
fn key_before(text: &str, end: usize) -> Option<&str> {
    let before = text.get(..end)?;
    let line = before.lines().rev().find(|line| line.contains('='))?;
    line.split('=').next().map(str::trim)
}

fn at_once<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u16>, D::Error> {
    let number = i64::deserialize(value)?;
    if AT_ONCE.contains(&number) {
        return Ok(u16::try_from(number).ok());
    }
    let (first, last) = (AT_ONCE.start(), AT_ONCE.end());
    Err(D::Error::custom(format!(
        "{number} is not in {first} to {last}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let text = "endpoints = ['https://a']\nsources = ['modelscope']\nmax-connections = 3\nmax-workers = 2\nlimit-rate = '2M'\nprogress = 'json'";
        let file = parse(text).unwrap();
        assert_eq!(file.endpoints, ["https://a"]);
        assert_eq!(file.sources, ["modelscope"]);
        assert_eq!((file.max_connections, file.max_workers), (Some(3), Some(2)));
        assert_eq!(file.limit_rate.as_deref(), Some("2M"));
        assert_eq!(file.progress, Some(ProgressStyle::Json));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_read() {
        assert_eq!(read_text(Path::new("/dev/null")).unwrap(), "");
        let error = read_at(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for (text, line) in [
            (
                "\nendpoint = 'https://a'",
                "line 2: unknown field `endpoint`",
            ),
            (
                "max-workers = 0",
                "line 1: max-workers: 0 is not in 1 to 256",
            ),
            ("max-workers = -1", "line 1: max-workers: -1 is not in 1"),
            ("max-connections = 257", "line 1: max-connections: 257 is"),
            (
                "max-connections = '4'",
                "line 1: max-connections: invalid type: string \"4\", expected a whole number",
            ),
            (
                "limit-rate = 2",
                "line 1: limit-rate: invalid type: integer",
            ),
            (
                "endpoints = [\n  3\n]",
                "line 2: endpoints: invalid type: int",
            ),
            ("x = [", "line 1: x: "),
            ("[a", "line 1: "),
            (
                "progress = 'loud'",
                "line 1: progress: unknown variant `loud`",
            ),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.starts_with(line) && !fault.contains('\n'), "{fault}");
        }
    }
}
