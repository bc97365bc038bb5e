//! The question about one address: size, digest and validator of the file behind it.

use std::time::Duration;

use ::http::StatusCode;
use ::http::header::RANGE;
use url::Url;

use super::ask::Hub;
use super::endpoints::Fault;
use super::metadata::FileMeta;
use crate::error::{Error, ErrorKind};
use crate::transfer::ask::range_header;
use crate::transport::follow::{Answer, Credentials, Network};
use crate::transport::{Request, insist};

impl Hub {
    /// What `url` says of the file behind it: by `HEAD`, or by the head of a `GET` where that is
    /// not possible. An answer that says nothing is no error: whoever fetches will see why.
    pub(crate) async fn describe(
        &self,
        url: &Url,
        credentials: Option<&Credentials>,
        longest_pause: Duration,
    ) -> Result<FileMeta, Fault> {
        let network = self.network(longest_pause);
        let mut failed = None;
        for request in [Request::head(url.clone()), first_byte(url.clone())] {
            match describe_by(&network, request, credentials).await {
                Ok(meta) if meta.size.is_some() || meta.digest.is_some() => return Ok(meta),
                Ok(_) => {}
                // Some servers cannot answer a HEAD and break instead of saying so.
                Err(fault @ Fault::Passing(..)) => failed = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        failed.map_or_else(|| Ok(FileMeta::default()), Err)
    }
}

async fn describe_by(
    network: &Network<'_>,
    request: Request,
    credentials: Option<&Credentials>,
) -> Result<FileMeta, Fault> {
    let read = async |answer| meta(&answer);
    insist::ask(network, (&request, credentials), read, Fault::is_definite).await
}

fn meta(answer: &Answer) -> Result<FileMeta, Fault> {
    let status = answer.response.status;
    let Some(pause) = answer.pause().map_err(Fault::Final)? else {
        return Ok(answer.meta());
    };
    let kind = if status == StatusCode::TOO_MANY_REQUESTS {
        ErrorKind::RateLimited
    } else {
        ErrorKind::Unreachable
    };
    let text = format!("{} answers {}", answer.host(), status.as_u16());
    let error = Error::new(kind, text).with_hint("wait a little and run the same command again");
    Err(Fault::Passing(error, pause))
}

fn first_byte(url: Url) -> Request {
    let mut request = Request::get(url);
    let range = range_header(&(0..1));
    request.headers.extend(range.map(|value| (RANGE, value)));
    request
}
