//! A file whose size nobody tells: one connection, from the front, into a file of our own.
//!
//! There is nothing to resume from, since nothing says what the rest would belong to; an attempt
//! that breaks begins again. The digest, where one is promised, is still the judge.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use ::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use bytes::Bytes;

use super::check::{Void, is_gzip};
use super::engine::Engine;
use super::gunzip::plain;
use super::progress::ActiveFile;
use super::source::{Source, Sources};
use super::verify::WRONG_BYTES;
use crate::error::{Error, ErrorKind};
use crate::hub::refusal::not_a_hub;
use crate::store::destination::Wanted;
use crate::store::growing::Growing;
use crate::store::publish::Content;
use crate::transport::follow::{Network, follow};
use crate::transport::retry::{Budget, FOR_BYTES, Next};
use crate::transport::{BodyPatience, Failure, FailureKind, Request};

impl Engine {
    /// Fetches the file from the first source that gives it to its end. Returns its size.
    pub(super) async fn stream(
        self: &Arc<Self>,
        wanted: &Wanted,
        mut sources: Sources,
        shown: &ActiveFile,
    ) -> Result<u64, Error> {
        let mut budget = Budget::new(FOR_BYTES, self.now());
        let gates = &self.setup.gates;
        loop {
            sources.note_pauses(|source| gates.long_pause(&source.name));
            let Some((index, source)) = sources.pick() else {
                break;
            };
            let network = self.network(sources.longest_pause());
            let source = source.clone();
            let error = match self.stream_once(wanted, (&source, &network), shown).await {
                Ok(size) => {
                    self.setup.provider.note(&source, true);
                    return Ok(size);
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Unreachable | ErrorKind::Integrity
                    if !Failure::is_final_cause(&error) => {}
                ErrorKind::RateLimited if Failure::kind_of(&error) == Some(FailureKind::Paused) => {
                    sources.leave(index);
                }
                ErrorKind::Usage | ErrorKind::Disk | ErrorKind::Cancelled => {
                    return Err(error);
                }
                _ => {
                    tracing::info!("{}: {} is out: {error}", wanted.name(), source.name);
                    sources.refuse(index, error);
                    continue;
                }
            }
            if sources.failed(index, Duration::ZERO) {
                self.setup.provider.note(&source, false);
            }
            match budget.failed(self.now(), self.chance()) {
                Next::Wait(wait) => {
                    self.setup.progress.retried();
                    self.setup
                        .progress
                        .notice(format!("{}: {error}; beginning again", wanted.name()));
                    tokio::time::sleep(wait).await;
                }
                Next::GiveUp => return Err(error),
            }
        }
        Err(sources.refusal().unwrap_or_else(|| {
            let text = format!("{}: no source has it", wanted.name());
            Error::new(ErrorKind::Unreachable, text)
        }))
    }

    async fn stream_once(
        &self,
        wanted: &Wanted,
        (source, network): (&Source, &Network<'_>),
        shown: &ActiveFile,
    ) -> Result<u64, Error> {
        let _turn = self.turn().await;
        let unreadable =
            |void: Void| Error::new(ErrorKind::Protocol, format!("{}: {void}", wanted.name()));
        let request = Request::get(source.resolve.clone());
        let answer = follow(network, request, source.credentials.as_ref()).await?;
        let (status, headers) = (answer.response.status, &answer.response.headers);
        if status != StatusCode::OK {
            let error = self
                .setup
                .provider
                .explain(wanted.name(), source, (status, headers, &[]));
            return Err(match answer.pause()? {
                None => error,
                Some(_) => Error::new(ErrorKind::Unreachable, error.to_string()),
            });
        }
        if source.endpoint.is_some() && answer.meta().commit.is_none() {
            return Err(not_a_hub(&source.name, wanted.name()));
        }
        let gzip = is_gzip(headers).map_err(unreadable)?;
        if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
            let text =
                "the server does not say where the file ends: whether it is whole cannot be told";
            let text = format!("{}: {text}", wanted.name());
            self.setup.progress.notice_once(&text);
        }
        let _connected = shown.connect();
        let mut growing = self.begin_growing(wanted).await?;
        let mut body = plain(answer.response.body, gzip);
        let mut patience = BodyPatience::new();
        while let Some(bytes) = patience
            .next(body.as_mut())
            .await
            .map_err(|f| f.at(&source.name))?
        {
            self.setup.progress.received(bytes.len() as u64);
            self.content_came();
            growing = self.grow(growing, bytes).await?;
            shown.learn_size(growing.len());
            shown.set_done(growing.len());
        }
        self.publish_growing(wanted, growing).await
    }

    async fn begin_growing(&self, wanted: &Wanted) -> Result<Growing, Error> {
        let (folder, stem) = (
            self.setup.destination.partials(),
            self.setup.destination.stem(wanted),
        );
        self.setup
            .disk
            .run(move || Growing::begin(&folder, &stem))
            .await
    }

    async fn grow(&self, mut growing: Growing, bytes: Bytes) -> Result<Growing, Error> {
        self.setup
            .disk
            .run(move || {
                growing.write(&bytes)?;
                Ok(growing)
            })
            .await
    }

    async fn publish_growing(&self, wanted: &Wanted, growing: Growing) -> Result<u64, Error> {
        let (destination, wanted) = (Arc::clone(&self.setup.destination), wanted.clone());
        self.setup
            .disk
            .run(move || {
                let size = growing.len();
                let digest = growing.digest(wanted.digest.as_ref())?;
                if wanted.digest.is_some_and(|promised| promised != digest) {
                    let text = format!(
                        "{}: the bytes do not have the promised digest",
                        wanted.name()
                    );
                    return Err(Error::new(ErrorKind::Integrity, text).with_hint(WRONG_BYTES));
                }
                destination.publish(&wanted, &digest, &Content::Growing(&growing))?;
                Ok(size)
            })
            .await
    }
}
