//! The question about one address: size, digest and validator of the file behind it.

use std::time::SystemTime;

use tokio::time::Instant;
use url::Url;

use super::ask::Hub;
use super::metadata::FileMeta;
use crate::error::{Error, ErrorKind};
use crate::transport::follow::{Credentials, follow};
use crate::transport::retry::{
    Budget, FOR_QUESTIONS, LONGEST_RETRY_AFTER, Next, is_transient, requested_pause,
};
use crate::transport::{Failure, Request};

impl Hub {
    /// What `url` says of the file behind it: by `HEAD`, or by the head of a `GET` where that is
    /// not possible. An answer that says nothing is no error: whoever fetches will see why.
    pub(crate) async fn describe(
        &self,
        url: &Url,
        credentials: Option<&Credentials>,
    ) -> Result<FileMeta, Error> {
        let start = Instant::now();
        let mut budget = Budget::new(FOR_QUESTIONS, start.elapsed());
        loop {
            let error = match self.describe_once(url, credentials).await {
                Ok(meta) => return Ok(meta),
                Err(error) => error,
            };
            match budget.failed(start.elapsed(), self.chance()) {
                Next::Wait(wait) if !Failure::is_final_cause(&error) => {
                    tokio::time::sleep(wait).await;
                }
                Next::Wait(_) | Next::GiveUp => return Err(error),
            }
        }
    }

    async fn describe_once(
        &self,
        url: &Url,
        credentials: Option<&Credentials>,
    ) -> Result<FileMeta, Error> {
        let mut failed = None;
        for request in [Request::head(url.clone()), first_byte(url.clone())] {
            match self.describe_by(request, credentials).await {
                Ok(meta) if meta.size.is_some() || meta.digest.is_some() => return Ok(meta),
                Ok(_) => {}
                // Some servers cannot answer a HEAD and break instead of saying so.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or_else(|| Ok(FileMeta::default()), Err)
    }

    async fn describe_by(
        &self,
        request: Request,
        credentials: Option<&Credentials>,
    ) -> Result<FileMeta, Error> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        self.gates.pass(&host, 0.0).await;
        let answer = follow(self.transport.as_ref(), request, credentials).await?;
        let status = answer.response.status;
        if is_transient(status) {
            let pause = requested_pause(&answer.response.headers, SystemTime::now());
            let pause = pause.filter(|pause| *pause <= LONGEST_RETRY_AFTER);
            self.gates.pause(&host, pause.unwrap_or_default());
            let text = format!("{host} answers {}", status.as_u16());
            return Err(Error::new(ErrorKind::Unreachable, text));
        }
        let hops = answer
            .redirects
            .iter()
            .map(|(status, headers)| (*status, headers));
        let hops: Vec<_> = hops.chain([(status, &answer.response.headers)]).collect();
        Ok(FileMeta::from_chain(&hops))
    }
}

fn first_byte(url: Url) -> Request {
    let mut request = Request::get(url);
    let range = ::http::HeaderValue::from_static("bytes=0-0");
    request.headers.insert(::http::header::RANGE, range);
    request
}
