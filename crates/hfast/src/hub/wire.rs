//! The JSON of listings, as it comes over the wire. What it means is told in `listing`. Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind};
use crate::names::{Digest, XetHash};
use crate::transport::headers::MAX_SIZE;

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) path: Cow<'a, str>,
    pub(super) oid: Option<String>,
    #[serde(default, deserialize_with = "size")]
    pub(super) size: Option<u64>,
    pub(super) lfs: Option<Lfs>,
    #[serde(default, rename = "xetHash", deserialize_with = "xet")]
    pub(super) xet: Option<XetHash>,
}

#[derive(Deserialize)]
pub(super) struct Sha<'a> {
    #[serde(borrow)]
    pub(super) sha: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Siblings<'a> {
    #[serde(borrow)]
    pub(super) siblings: Option<Vec<Sibling<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Sibling<'a> {
    #[serde(borrow)]
    pub(super) rfilename: Cow<'a, str>,
    #[serde(default, deserialize_with = "size")]
    pub(super) size: Option<u64>,
    #[serde(rename = "blobId")]
    pub(super) blob_id: Option<String>,
    pub(super) lfs: Option<Lfs>,
}

/// The hash is called `oid` in trees and `sha256` in repository information.
#[derive(Deserialize)]
pub(super) struct Lfs {
    pub(super) oid: Option<String>,
    pub(super) sha256: Option<String>,
    #[serde(default, deserialize_with = "size")]
    pub(super) size: Option<u64>,
}

impl Lfs {
    pub(super) fn digest(&self) -> Option<Digest> {
        let hex = self.oid.as_deref().or(self.sha256.as_deref());
        hex.and_then(Digest::from_hex)
            .filter(|digest| !is_git(digest))
    }
}

pub(super) fn is_git(digest: &Digest) -> bool {
    matches!(digest, Digest::GitSha1(_))
}

fn size<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    let size = serde_json::Value::deserialize(value)?.as_u64();
    Ok(size.filter(|size| *size <= MAX_SIZE))
}

/// What is no such hash counts as none: it only says where else the content may lie.
fn xet<'de, D: Deserializer<'de>>(value: D) -> Result<Option<XetHash>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(value.as_str().and_then(XetHash::from_hex))
}

/// Reads the body of an answer; `what` it is, for the error.
pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| nonsense(&error, what))
}

/// Shows the entries of a tree page to `see`, one by one: there may be very many.
pub(super) fn each_entry(body: &[u8], see: impl FnMut(Entry<'_>)) -> Result<(), Error> {
    struct Entries<F>(F);
    impl<'de, F: FnMut(Entry<'de>)> Visitor<'de> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
            while let Some(entry) = entries.next_element()? {
                (self.0)(entry);
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = deserializer
        .deserialize_seq(Entries(see))
        .and_then(|()| deserializer.end());
    read.map_err(|error| nonsense(&error, "the list of files"))
}

/// Serde's own words may quote the body, so only the place is told.
fn nonsense(error: &serde_json::Error, what: &str) -> Error {
    let (line, column) = (error.line(), error.column());
    let message = format!("{what} makes no sense (line {line}, column {column})");
    Error::new(ErrorKind::Protocol, message)
}
