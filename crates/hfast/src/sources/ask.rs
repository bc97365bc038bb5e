//! Asks a source for a range of a file, by the rules of a download for redirects and the token.
//!
//! What the answer is worth is judged in `judge.rs`.

use std::ops::Range;
use std::time::Duration;

use ::http::StatusCode;
use ::http::header::RANGE;
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind};
use crate::store::destination::Wanted;
use crate::transfer::ask::range_header;
use crate::transfer::provider::Provider;
use crate::transfer::source::Source;
use crate::transport::follow::{Answer, Network, follow};
use crate::transport::{MAX_ERROR_BODY, Request, read_limited};

/// A reason is read for this long: it is a page at most.
const REASON_TIME: Duration = Duration::from_secs(2);

/// A question for bytes of one file.
pub(super) struct Question<'a> {
    pub(super) source: &'a Source,
    pub(super) wanted: &'a Wanted,
    pub(super) range: Range<u64>,
    /// Over a new connection.
    pub(super) fresh: bool,
}

/// The answer, if it brings bytes or says that there are none in the range.
///
/// # Errors
/// Whatever keeps it from coming, and refusals, in the words of a download.
pub(super) async fn ask(
    network: &Network<'_>,
    provider: &Provider,
    question: Question<'_>,
) -> Result<Answer, Error> {
    let Question { source, wanted, .. } = question;
    let mut request = Request::get(source.resolve.clone());
    request.fresh = question.fresh;
    // A file that fits into the range is asked for whole, as a download does.
    if Some(question.range.end) != wanted.size || question.range.start > 0 {
        let value = range_header(&question.range);
        request.headers.extend(value.map(|value| (RANGE, value)));
    }
    let mut answer = follow(network, request, source.credentials.as_ref()).await?;
    let status = answer.response.status;
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(answer);
    }
    answer.pause()?;
    let body = read_limited(answer.response.body.as_mut(), None, MAX_ERROR_BODY);
    let body = timeout(REASON_TIME, body).await.ok();
    let body = body.and_then(Result::ok).unwrap_or_default();
    let answered = (status, &answer.response.headers, body.as_slice());
    Err(provider.explain(wanted.name(), source, answered))
}

/// What `work` comes to, unless it takes longer than `patience`.
pub(super) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = timeout(patience, work).await;
    done.unwrap_or_else(|_| {
        let text = format!("no answer within {:.1} s", patience.as_secs_f64());
        Err(Error::new(ErrorKind::Unreachable, text))
    })
}

/// The time until then.
pub(super) fn until(moment: Instant) -> Duration {
    moment.saturating_duration_since(Instant::now())
}
