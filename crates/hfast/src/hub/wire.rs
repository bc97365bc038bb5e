//! The JSON of listings, as it comes over the wire. What it means is told in `listing`. Pure.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind};
use crate::hub::metadata::MAX_SIZE;
use crate::names::{Digest, XetHash};

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
pub(super) struct Info<'a> {
    #[serde(borrow)]
    pub(super) sha: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) siblings: Option<Vec<Sibling<'a>>>,
    #[serde(default, deserialize_with = "gated")]
    pub(super) gated: bool,
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

/// `false`, `"auto"` or `"manual"`.
fn gated<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(value.as_bool().unwrap_or(value.is_string()))
}

/// Reads the body of an answer; `what` it is, for the error.
pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        // Serde's own words may quote the body, so only the place is told.
        let (line, column) = (error.line(), error.column());
        let message = format!("{what} makes no sense (line {line}, column {column})");
        Error::new(ErrorKind::Protocol, message)
            .with_hint("run the command again; if it stays so, choose another endpoint")
    })
}
