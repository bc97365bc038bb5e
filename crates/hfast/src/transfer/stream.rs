//! A file whose size nobody tells: one connection, from the front, into a file of our own.
//!
//! There is nothing to resume from, since nothing says what the rest would belong to; an attempt
//! that breaks begins again. The digest, where one is promised, is still the judge.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use bytes::Bytes;

use super::blame::{looks, wrong_bytes};
use super::check::is_gzip;
use super::engine::Engine;
use super::entry::REST;
use super::gunzip::plain;
use super::progress::ActiveFile;
use super::source::{After, Source, Sources};
use super::throttle::limited;
use crate::error::{Error, ErrorKind};
use crate::hub::refusal::not_a_hub;
use crate::store::destination::Wanted;
use crate::store::growing::Growing;
use crate::store::publish::Content;
use crate::transport::follow::{Answer, Network, follow};
use crate::transport::{Failure, FailureKind, Patient, Request};

/// Why one answer did not bring the file.
enum Fault {
    /// The same source, or another one, may do better.
    Passing(Error),
    /// A host on the way wants to be left alone.
    Paused(Failure),
    /// It came whole and wrong.
    Wrong(Error),
    /// This source will not do better.
    Refused(Error),
    /// No source can help.
    Ours(Error),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Paused => Self::Paused(failure),
            kind if kind.is_final() => Self::Refused(failure.into()),
            _ => Self::Passing(failure.into()),
        }
    }
}

impl Engine {
    /// Fetches the file from the first source that gives it to its end. Returns its size.
    pub(super) async fn stream(
        self: &Arc<Self>,
        wanted: &Wanted,
        mut sources: Sources,
        shown: &ActiveFile,
    ) -> Result<u64, Error> {
        let mut wrong = 0;
        loop {
            sources.note_pauses(|host| self.setup.gates.long_pause(host));
            let Some((index, source)) = sources.pick() else {
                let text = format!("{}: there is no source to ask", wanted.name());
                return Err(Error::new(ErrorKind::Usage, text).with_hint("name an endpoint"));
            };
            let (source, network) = (source.clone(), self.network(sources.longest_pause()));
            let since = self.now();
            let fault = match self.stream_once(wanted, (&source, &network), shown).await {
                Ok(size) => {
                    self.setup.provider.note(&source, true);
                    return Ok(size);
                }
                Err(fault) => fault,
            };
            let (error, told) = match fault {
                Fault::Ours(error) => return Err(error),
                Fault::Refused(error) => {
                    tracing::info!("{}: {} is out: {error}", wanted.name(), source.name);
                    match sources.refuse(index, error) {
                        Some(error) => return Err(error),
                        None => continue,
                    }
                }
                Fault::Paused(failure) => {
                    sources.leads_to(index, failure.host.as_deref().unwrap_or_default());
                    tokio::time::sleep(REST).await;
                    continue;
                }
                Fault::Wrong(error) => {
                    wrong += 1;
                    if wrong > looks(shown.done(), sources.lanes().len()) {
                        return Err(error);
                    }
                    sources.leave(index);
                    let told = error.to_string();
                    (error, told)
                }
                Fault::Passing(error) => {
                    let told = format!("{}: {error}", wanted.name());
                    (error, told)
                }
            };
            let times = (since, self.now());
            let patience = self.hope().exchange_failed(times, false);
            let after = sources.failed(index, times, (self.chance(), patience));
            // One exchange follows the other, so each failure counts.
            let after = after.unwrap_or(After::Wait(REST));
            if !matches!(after, After::Wait(_)) {
                self.setup.provider.note(&source, false);
            }
            if after == After::GiveUp {
                return Err(error);
            }
            self.setup.progress.retried();
            self.setup
                .progress
                .notice(format!("{told}; beginning again"));
            if let After::Wait(wait) = after {
                tokio::time::sleep(wait).await;
            }
        }
    }

    async fn stream_once(
        &self,
        wanted: &Wanted,
        (source, network): (&Source, &Network<'_>),
        shown: &ActiveFile,
    ) -> Result<u64, Fault> {
        let _turn = self.turn().await;
        let request = Request::get(source.resolve.clone());
        let answer = follow(network, request, source.credentials.as_ref()).await?;
        let gzip = self.look(wanted, source, &answer)?;
        let _connected = shown.connect();
        let mut growing = self.begin_growing(wanted).await.map_err(Fault::Ours)?;
        let body = Box::new(Patient::new(answer.response.body));
        let (body, _) = limited(body, self.setup.throttle.as_ref());
        let mut body = plain(body, gzip);
        while let Some(bytes) = body.chunk().await.map_err(|f| f.at(&source.name))? {
            self.setup.progress.received(bytes.len() as u64);
            self.hope().content_came(self.now());
            growing = self.grow(growing, bytes).await.map_err(Fault::Ours)?;
            shown.set_done(growing.len());
        }
        shown.learn_size(growing.len());
        let published = self.publish_growing(wanted, growing).await;
        published.map_err(|error| match error.kind() {
            ErrorKind::Integrity => Fault::Wrong(error),
            _ => Fault::Ours(error),
        })
    }

    /// Looks at the head of an answer, and says whether its body is compressed.
    fn look(&self, wanted: &Wanted, source: &Source, answer: &Answer) -> Result<bool, Fault> {
        let (status, headers) = (answer.response.status, &answer.response.headers);
        if status != StatusCode::OK {
            let told = (status, headers, &[][..]);
            let error = self.setup.provider.explain(wanted.name(), source, told);
            return Err(match answer.pause().map_err(Fault::Refused)? {
                None => Fault::Refused(error),
                Some(_) => Fault::Passing(error),
            });
        }
        if source.endpoint.is_some() && answer.meta().commit.is_none() {
            return Err(Fault::Refused(not_a_hub(&source.name, wanted.name())));
        }
        let is_bounded =
            headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        if !is_bounded {
            let text =
                "the server does not say where the file ends: whether it is whole cannot be told";
            let text = format!("{}: {text}", wanted.name());
            self.setup.progress.notice_once(&text);
        }
        is_gzip(headers).map_err(|void| {
            let text = format!("{}: {void}", wanted.name());
            Fault::Refused(Error::new(ErrorKind::Protocol, text))
        })
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
                    let promised = wanted.digest.as_ref();
                    return Err(wrong_bytes(wanted.name(), promised, Some(&digest)));
                }
                destination.publish(&wanted, &digest, &Content::Growing(&growing))?;
                Ok(size)
            })
            .await
    }
}
