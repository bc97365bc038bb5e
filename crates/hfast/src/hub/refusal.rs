//! What an HTTP error answer means to the person who waits: kind, one sentence, what to do next.
//!
//! Follows the order of the official clients. Whether to try again is decided
//! elsewhere. Pure. Words of the server are shortened, and secrets in them are masked.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::hub::token::Token;
use crate::hub::urls::{Endpoint, shown};
use crate::names::Repo;

/// Where the Hub says what kind of refusal it is, and one of the kinds.
const CODE: &str = "x-error-code";
const GATED: &str = "GatedRepo";

/// The Hub has no code for this, only these words.
const DISABLED: &str = "Access to this resource is disabled.";
const BAD_TOKEN: &str = "Invalid credentials in Authorization header";

/// What was asked, so that the refusal can name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The repository.
    pub(crate) repo: &'a Repo,
    /// The revision, as asked.
    pub(crate) revision: &'a str,
    /// The file, if it was about one.
    pub(crate) path: Option<&'a str>,
    /// Who answered.
    pub(crate) endpoint: &'a Endpoint,
    /// The token that was sent, if any: it decides the hint, and is masked if the server repeats it.
    pub(crate) token: Option<&'a Token>,
}

/// Turns an answer with an error status into an error; `body` may be cut off.
///
/// Missing things are [`ErrorKind::NotFound`], closed ones [`ErrorKind::AccessDenied`], `429` is
/// [`ErrorKind::RateLimited`], `408` and `5xx` are [`ErrorKind::Unreachable`], and whatever makes
/// no sense is [`ErrorKind::Protocol`].
pub(crate) fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    asked: &Asked<'_>,
) -> Error {
    let said = server_message(headers, body);
    let code = header(headers, CODE).unwrap_or_default();
    let (kind, what, hint) = by_code(status, &code, said.as_deref().unwrap_or_default(), asked)
        .unwrap_or_else(|| by_status(status, asked));
    let said = said.map(|said| format!("; the server says: {said}"));
    let id = request_id(headers).map(|id| format!(" (request id {id})"));
    let told = said.unwrap_or_default() + &id.unwrap_or_default();
    // A server that repeats what it was sent must not put the token on the screen.
    let told = asked
        .token
        .map_or_else(|| told.clone(), |token| token.masked_in(&told));
    Error::new(kind, what + &told).with_hint(hint)
}

/// Whether it is the repository that is closed to this user, and so all of its files.
pub(crate) fn is_gated(headers: &HeaderMap) -> bool {
    header(headers, CODE).is_some_and(|code| code == GATED)
}

/// `host` answered with something else where `what` was expected: a captive portal, or no Hub at all.
pub(crate) fn not_a_hub(host: &str, what: &str) -> Error {
    let message = format!("this is not the Hub: {host} answered with something else than {what}");
    Error::new(ErrorKind::Protocol, message).with_hint(
        "are you behind a login page or an odd mirror? open the address in a browser, or choose \
         another endpoint",
    )
}

type Meaning = (ErrorKind, String, String);

/// What the Hub says in its own words, by code or by message.
fn by_code(status: StatusCode, code: &str, said: &str, asked: &Asked<'_>) -> Option<Meaning> {
    let Asked { repo, revision, .. } = asked;
    let revision: String = revision.chars().take(200).collect();
    let meaning = match code {
        "RevisionNotFound" => (
            ErrorKind::NotFound,
            format!("{repo} has no revision {revision:?}"),
            "check the spelling; most repositories have only 'main'".to_owned(),
        ),
        "EntryNotFound" => (
            ErrorKind::NotFound,
            format!("{repo} has no {} at revision {revision:?}", entry(asked)),
            format!("see what it has at {}", asked.endpoint.web_page(repo)),
        ),
        GATED => gated(status, asked),
        _ if said == DISABLED => (
            ErrorKind::AccessDenied,
            format!("{repo} is disabled"),
            "the Hub has closed it; there is nothing to do but to look for a copy".to_owned(),
        ),
        _ if said == BAD_TOKEN => bad_token(asked),
        "RepoNotFound" => missing_repo(asked),
        _ if status == StatusCode::UNAUTHORIZED => missing_repo(asked),
        _ => return None,
    };
    Some(meaning)
}

fn gated(status: StatusCode, asked: &Asked<'_>) -> Meaning {
    let repo = asked.repo;
    // The public mirror shows the page, but access is given only on the Hub.
    let page = if *asked.endpoint == Endpoint::public_mirror() {
        Endpoint::hub().web_page(repo)
    } else {
        asked.endpoint.web_page(repo)
    };
    let hint = if status == StatusCode::UNAUTHORIZED && asked.token.is_none() {
        format!("ask for access at {page}, then log in or pass a token")
    } else if status == StatusCode::UNAUTHORIZED {
        format!("the token was not accepted: pass a valid one, and ask for access at {page}")
    } else {
        format!("ask for access at {page} and wait for approval")
    };
    (ErrorKind::AccessDenied, format!("{repo} is gated"), hint)
}

fn bad_token(asked: &Asked<'_>) -> Meaning {
    let what = format!(
        "{} does not accept the access token",
        asked.endpoint.authority()
    );
    let hint = "it may have expired: make another at https://huggingface.co/settings/tokens";
    (ErrorKind::AccessDenied, what, hint.to_owned())
}

fn missing_repo(asked: &Asked<'_>) -> Meaning {
    let hint = if asked.token.is_some() {
        "check spelling and type; if it is private, the token must be allowed to read it"
    } else {
        "check spelling and type (model, dataset or space); if it is private, pass a token"
    };
    let host = asked.endpoint.authority();
    let what = format!(
        "{} {} was not found on {host}",
        asked.repo.kind, asked.repo.id
    );
    (ErrorKind::NotFound, what, hint.to_owned())
}

/// What is left when the server gives no reason.
fn by_status(status: StatusCode, asked: &Asked<'_>) -> Meaning {
    let (repo, host) = (asked.repo, asked.endpoint.authority());
    let thing = match asked.path {
        Some(_) => format!("{} of {repo}", entry(asked)),
        None => repo.to_string(),
    };
    let (kind, what, hint) = match status.as_u16() {
        403 => (
            ErrorKind::AccessDenied,
            format!("{host} does not let us read {thing} (403)"),
            "check what the token is allowed to read, and whether this network may use the host",
        ),
        404 | 410 => (
            ErrorKind::NotFound,
            format!("{host} does not have {thing} ({})", status.as_u16()),
            "check the spelling; a mirror may lack what the Hub has, and what is no Hub has none of it",
        ),
        407 => (
            ErrorKind::Unreachable,
            "the proxy wants a user name and a password (407)".to_owned(),
            "put them into the proxy's address: http://user:password@host:port",
        ),
        451 => (
            ErrorKind::AccessDenied,
            format!("{host} may not give out {thing} for legal reasons (451)"),
            "choose another endpoint",
        ),
        429 => (
            ErrorKind::RateLimited,
            format!("{host} is asked too often (429)"),
            "wait some minutes and run the same command again; with a token the limits are higher",
        ),
        408 | 500..=599 => (
            ErrorKind::Unreachable,
            format!("{host} failed to answer for {thing} ({})", status.as_u16()),
            "wait a little and run the same command again, or choose another endpoint",
        ),
        other => (
            ErrorKind::Protocol,
            format!("{host} refused {thing} ({other})"),
            "if it stays so, choose another endpoint",
        ),
    };
    (kind, what, hint.to_owned())
}

fn entry(asked: &Asked<'_>) -> String {
    asked.path.map_or_else(
        || "such file".to_owned(),
        |path| format!("{:?}", path.chars().take(200).collect::<String>()),
    )
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `X-Error-Message`, else what the JSON body says, as one line of at most 200 characters.
fn server_message(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let text = header(headers, "x-error-message").or_else(|| {
        let body: Value = serde_json::from_slice(body).ok()?;
        let of = |value: &Value| value.as_str().map(str::to_owned);
        let (error, errors) = (&body["error"], &body["errors"]);
        let listed = || of(&error[0]).or_else(|| of(&errors[0]["message"]));
        of(error).or_else(listed)
    })?;
    let words: Vec<String> = text.split_whitespace().take(100).map(masked).collect();
    let text = words.join(" ");
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    (!short.is_empty()).then_some(short)
}

/// A word without a token or the query of a URL, which may hold a signature.
fn masked(word: &str) -> String {
    let start = word.find("hf_").filter(|at| word.len() - at > 20);
    match start {
        Some(at) => format!("{}***", &word[..at]),
        None if word.contains("://") => shown(word),
        None => word.to_owned(),
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let names = ["x-request-id", "x-amzn-trace-id", "x-amz-cf-id"];
    let id = names.iter().find_map(|name| header(headers, name))?;
    (id.len() <= 128 && id.bytes().all(|b| b.is_ascii_graphic())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{RepoId, RepoType};

    fn answer(status: u16, list: &[(&'static str, &str)], body: &str, had_token: bool) -> Error {
        let token = Token::new("secret-of-mine").unwrap();
        let repo = Repo::new(RepoType::Dataset, RepoId::new("o/n").unwrap());
        let headers: HeaderMap = list
            .iter()
            .map(|(name, value)| {
                let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (http::HeaderName::from_static(name), value)
            })
            .collect();
        let asked = Asked {
            repo: &repo,
            revision: "v1",
            path: Some("a b"),
            endpoint: &Endpoint::public_mirror(),
            token: had_token.then_some(&token),
        };
        let status = StatusCode::from_u16(status).unwrap();
        refusal(status, &headers, body.as_bytes(), &asked)
    }

    #[test]
    fn every_refusal_has_a_kind_a_sentence_and_a_hint() {
        use ErrorKind::{AccessDenied, NotFound, Protocol, RateLimited, Unreachable};
        let code = "x-error-code";
        for (status, header, kind, what, hint) in [
            (
                404,
                (code, "RevisionNotFound"),
                NotFound,
                "no revision \"v1\"",
                "'main'",
            ),
            (
                404,
                (code, "EntryNotFound"),
                NotFound,
                "no \"a b\" at",
                "/datasets/o/n",
            ),
            (
                401,
                (code, "GatedRepo"),
                AccessDenied,
                "gated",
                "pass a token",
            ),
            (
                403,
                (code, "GatedRepo"),
                AccessDenied,
                "gated",
                "huggingface.co/datasets/o/n and wait",
            ),
            (
                401,
                (code, "RepoNotFound"),
                NotFound,
                "dataset o/n was not found",
                "if it is private",
            ),
            (401, ("x-a", ""), NotFound, "not found", "if it is private"),
            (
                401,
                ("x-error-message", BAD_TOKEN),
                AccessDenied,
                "does not accept",
                "expired",
            ),
            (
                403,
                ("x-error-message", DISABLED),
                AccessDenied,
                "disabled",
                "copy",
            ),
            (403, ("x-a", ""), AccessDenied, "(403)", "token"),
            (404, ("x-a", ""), NotFound, "(404)", "no Hub has none of it"),
            (407, ("x-a", ""), Unreachable, "proxy", "user"),
            (429, ("x-a", ""), RateLimited, "(429)", "wait"),
            (503, ("x-a", ""), Unreachable, "(503)", "again"),
            (400, ("x-a", ""), Protocol, "(400)", "endpoint"),
        ] {
            let error = answer(status, &[header], "<html>", false);
            let (text, advice) = (error.to_string(), error.hint().unwrap_or_default());
            assert_eq!(error.kind(), kind, "{text}");
            assert!(text.contains(what), "{text}");
            assert!(advice.contains(hint), "{advice}");
        }
    }

    #[test]
    fn the_words_of_the_server_are_short_and_safe() {
        let told = |list: &[_], body| answer(500, list, body, true).to_string();
        let secret = format!("no,\n token hf_{} at https://h/x?sig=s", "x".repeat(30));
        let body = serde_json::json!({ "error": secret }).to_string();
        let text = told(&[("x-request-id", "Root=1-2")], &body);
        let want = "the server says: no, token *** at https://h/x (request id Root=1-2)";
        assert!(text.ends_with(want), "{text}");
        for body in [r#"{"error":["oh"]}"#, r#"{"errors":[{"message":"oh"}]}"#] {
            assert!(told(&[("x-amz-cf-id", "a b")], body).ends_with("says: oh"));
        }
        let long = told(&[("x-error-message", &"é".repeat(999))], "");
        assert!(long.ends_with("é…") && long.chars().count() < 320, "{long}");
    }

    #[test]
    fn a_token_that_the_server_repeats_is_not_shown() {
        let headers = [
            ("x-request-id", "id-secret-of-mine"),
            ("x-error-message", "no secret-of-mine"),
        ];
        let error = answer(403, &headers, "", true).to_string();
        assert!(
            error.contains("***") && !error.contains("secret-of-mine"),
            "{error}"
        );
    }

    #[test]
    fn a_login_page_is_recognised_as_such() {
        let error = not_a_hub("hf.co", "a list of files");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(
            error
                .to_string()
                .starts_with("this is not the Hub: hf.co answered")
        );
    }
}
