//! The access token: whether there is one, where it came from, and whether the endpoint knows it. Its
//! value is not looked at. Pure.

use ::http::StatusCode;

use super::{Check, Context, EndpointSeen, ErrorKind, Finding};
use crate::doctor::seen::Page;

/// How the Hub turns away a token that it does not know, whatever was asked.
const BAD: &str = "Invalid credentials in Authorization header";

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let host = seen.endpoint.authority();
    if context.examination.token.is_none() {
        let text = "none is set: public repositories need none";
        return Finding::skipped(Check::Token, host, text);
    }
    let source = context.examination.sources.token.as_deref();
    let source = source.unwrap_or("the settings");
    // A token that is not accepted spoils every question, also that for a public repository.
    let info = seen.answers.info.end.as_ref().ok();
    if info.is_some_and(is_refused) {
        return refused(host, source);
    }
    let Some(whoami) = &seen.answers.whoami else {
        return Finding::skipped(
            Check::Token,
            host,
            format!("from {source}; nobody could be asked about it"),
        );
    };
    match &whoami.end {
        Ok(page) if page.trusted && is_refused(page) => refused(host, source),
        Ok(page) if page.trusted && page.status == StatusCode::UNAUTHORIZED => {
            let text = format!("from {source}; this server gives out files, but does not know it");
            Finding::warning(Check::Token, host, text)
                .advise("a repository that needs a token may not be had there")
        }
        Ok(page) if page.trusted && page.status.is_success() && is_json(page) => {
            Finding::ok(Check::Token, host, format!("from {source}, and accepted"))
        }
        Ok(page) => {
            let status = page.status.as_u16();
            let text = format!(
                "from {source}; this server does not say whose it is (it answers {status})"
            );
            Finding::skipped(Check::Token, host, text)
        }
        Err(failure) => {
            let text = format!("from {source}; the question about it failed: {failure}");
            Finding::warning(Check::Token, host, text)
        }
    }
}

fn refused(host: &str, source: &str) -> Finding {
    let text = format!("{source} holds a token that is not accepted: mistyped, deleted or expired");
    let other = match source {
        "--token" => "leave --token out for what is public".to_owned(),
        source if source.starts_with("the file") => {
            format!(
                "or delete {} for what is public",
                source.trim_start_matches("the ")
            )
        }
        variable => format!("or for what is public: unset {variable}"),
    };
    Finding::fault(Check::Token, ErrorKind::AccessDenied, host, text)
        .advise("make another at https://huggingface.co/settings/tokens, then: HF_TOKEN=hf_…")
        .advise(other)
}

fn is_refused(page: &Page) -> bool {
    let said = page.headers.get("x-error-message");
    let said = said.is_some_and(|said| said.as_bytes() == BAD.as_bytes());
    page.status == StatusCode::UNAUTHORIZED && said
}

fn is_json(page: &Page) -> bool {
    page.body.trim_ascii_start().first() == Some(&b'{')
}
