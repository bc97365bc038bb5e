//! Pure: the storage behind the Hub: objects by digest at signed URLs that expire.

use super::files;
use super::message::{Request, Response};
use super::options::CdnEtag;
use super::route::value;
use super::world::{Answer, World};
use crate::corpus::{Content, RepoFile};
use ring::digest::{SHA256, digest};

/// A URL at the storage that is good for a while.
pub(super) fn signed_url(world: &World, origin: &str, sha256: &str) -> String {
    let expires = world
        .options
        .clock
        .now()
        .saturating_add(world.options.signed_url_ttl.as_secs());
    let sig = signature(sha256, expires);
    format!("{origin}/cdn/{sha256}?expires={expires}&sig={sig}")
}

fn signature(sha256: &str, expires: u64) -> String {
    let text = format!("a secret that only the storage and the Hub share:{sha256}:{expires}");
    let mut sig = crate::corpus::hex(&digest(&SHA256, text.as_bytes()));
    sig.truncate(32);
    sig
}

pub(super) fn object(world: &World, request: &Request, sha256: &str) -> Answer {
    let expires = value(request.query(), "expires").and_then(|text| text.parse::<u64>().ok());
    let sig = value(request.query(), "sig");
    let signed = expires.is_some_and(|at| sig == Some(signature(sha256, at)));
    if !signed {
        return Err(xml(403, "AccessDenied", "Access Denied"));
    }
    if expires.is_some_and(|at| at <= world.options.clock.now()) {
        return Err(xml(403, "AccessDenied", "Request has expired"));
    }
    let Some(content) = find(world, sha256) else {
        return Err(xml(404, "NoSuchKey", "The specified key does not exist."));
    };
    let opaque = || {
        let text = signature(sha256, 0);
        format!("{text}-1")
    };
    let etag = match world.options.cdn_etag {
        CdnEtag::Opaque => Some(opaque()),
        CdnEtag::Sha256 => Some(sha256.to_owned()),
        CdnEtag::Absent => None,
    };
    Ok(files::serve(world, request, content, etag.as_deref()))
}

/// Files whose digest is known already are tried first: computing one can take seconds.
fn find<'a>(world: &'a World, sha256: &str) -> Option<&'a Content> {
    let files = || {
        let repos = world.repos.values().flatten();
        repos
            .flat_map(|repo| &repo.files)
            .filter(|file| file.is_lfs())
    };
    files()
        .find(|file| file.known_sha256() == Some(sha256))
        .or_else(|| files().find(|file| file.sha256() == sha256))
        .map(RepoFile::content)
}

/// An error in the manner of S3.
pub(crate) fn xml(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Response::new(status).with_body("application/xml", body)
}
