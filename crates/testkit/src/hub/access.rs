//! Pure: who may see what, and the refusals in the Hub's own words and headers.

use super::message::{Request, Response};
use super::options::{Odd, Token};
use super::world::World;
use crate::corpus::Repo;
use serde_json::json;

/// An error as the Hub sends it: the code decides what clients make of it.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let body = json!({ "error": message }).to_string();
    let mut response = Response::new(status).with_body("application/json; charset=utf-8", body);
    if !code.is_empty() {
        response.set("X-Error-Code", code);
    }
    response.with("X-Error-Message", message)
}

/// The token a request shows.
fn shown(request: &Request) -> Option<&str> {
    request
        .text("authorization")
        .and_then(|text| text.strip_prefix("Bearer "))
}

/// The known token a request shows.
pub(super) fn token<'a>(world: &'a World, request: &Request) -> Option<&'a Token> {
    let shown = shown(request)?;
    world
        .options
        .tokens
        .iter()
        .find(|token| token.value == shown)
}

/// Turns away unknown tokens, and everybody without one where the Hub wants it so.
pub(super) fn admit(world: &World, request: &Request) -> Result<(), Response> {
    let known = token(world, request).is_some();
    let invalid = !world.options.tokens.is_empty() && shown(request).is_some() && !known;
    if invalid {
        return Err(error(
            401,
            "",
            "Invalid credentials in Authorization header",
        ));
    }
    if world.is(Odd::TokenAlways) && !known {
        return Err(error(401, "", "Invalid username or password."));
    }
    Ok(())
}

/// Whether the repository exists for this caller.
pub(super) fn see(world: &World, request: &Request, repo: &Repo) -> Result<(), Response> {
    if repo.private && token(world, request).is_none() {
        return Err(error(401, "RepoNotFound", "Repository not found"));
    }
    Ok(())
}

/// Whether this caller may read the files.
pub(super) fn read(world: &World, request: &Request, repo: &Repo) -> Result<(), Response> {
    if !repo.gated {
        return Ok(());
    }
    let message = format!(
        "Access to {} {} is restricted.",
        repo.kind.segment(),
        repo.id
    );
    match token(world, request) {
        None => Err(error(401, "GatedRepo", &message)),
        Some(token) if !token.gated_access => Err(error(403, "GatedRepo", &message)),
        Some(_) => Ok(()),
    }
}

/// The answer for a repository that is not there.
pub(super) fn no_repo(world: &World, request: &Request) -> Response {
    let stranger = token(world, request).is_none();
    let status = if stranger && world.is(Odd::MissingRepoIs401) {
        401
    } else {
        404
    };
    error(status, "RepoNotFound", "Repository not found")
}
