//! Looks at the sources: which commit an endpoint has, what each has of the files that are wanted.
//! Nothing is judged here.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::ask::{Question, ask, until, within};
use super::judge;
use super::measure::{self, Place};
use super::seen::{Evidence, Head, Listed, Seen};
use super::subject::{Subject, Way};
use crate::client::{Client, ClientOptions, DownloadRequest};
use crate::error::{Error, ErrorKind};
use crate::hub::endpoints::Asking;
use crate::hub::extras::Extra;
use crate::hub::urls::{Blobs, Endpoint};
use crate::names::{Commit, Repo};
use crate::store::destination::Wanted;
use crate::store::folder_source::{self, Lies};
use crate::transfer::progress::Progress;
use crate::transfer::provider::Provider;
use crate::transfer::source::Source;
use crate::transport::follow::Network;
use crate::transport::gate::Gates;
use crate::transport::retry::BRIEFLY;

/// The first question to an endpoint opens the connection, too: two lost SYNs are 3 s. It waits for the
/// slowest of them.
const FIRST: Duration = Duration::from_secs(5);

/// One question for a file: the same, for each server has answers of its own.
const NEXT: Duration = Duration::from_secs(4);

/// The same client, which knows only these endpoints and no further sources.
pub(super) fn only(client: &Client, endpoints: Vec<Endpoint>) -> Client {
    let options = ClientOptions {
        endpoints,
        sources: Vec::new(),
        limit: None,
        ..client.options.as_ref().clone()
    };
    let transport = Arc::clone(&client.hub.transport);
    Client::with_transport(options, transport, client.disk.clone(), client.seed)
}

/// The commit that the revision stands for at each endpoint. All are asked at once.
pub(super) async fn commits(
    client: &Client,
    request: &DownloadRequest,
    progress: &Progress,
) -> Vec<Result<Commit, Error>> {
    let each = client.options.endpoints.iter().map(async |endpoint| {
        let (repo, revision) = (&request.repo, &request.revision);
        progress.notice(format!("asking {endpoint} for {repo} at {revision}"));
        let alone = only(client, vec![endpoint.clone()]);
        let asking = Asking {
            patience: BRIEFLY,
            // What it waits for is no news while others are asked.
            progress: &Progress::default(),
        };
        let info = alone.hub.info(repo, revision, Blobs::Without, asking);
        Ok(within(FIRST, info).await?.commit)
    });
    join_all(each).await
}

/// What the further sources say of themselves, in their order.
pub(super) async fn further(
    client: &Client,
    request: &DownloadRequest,
    (deadline, progress): (Instant, &Progress),
) -> Vec<Result<Option<Extra>, Error>> {
    let each = client.options.sources.iter().map(async |source| {
        progress.notice(format!("asking {source}"));
        within(until(deadline), client.hub.extra(source, &request.repo)).await
    });
    join_all(each).await
}

/// What all looks at files share.
pub(super) struct Looker<'a> {
    pub(super) client: &'a Client,
    pub(super) repo: &'a Repo,
    pub(super) commit: &'a Commit,
    pub(super) provider: Provider,
    pub(super) wanted: Arc<[Wanted]>,
    /// The files that each server is asked for, by their indices.
    pub(super) sample: Vec<usize>,
    /// Nothing is asked beyond it, but for pieces of files.
    pub(super) deadline: Instant,
}

impl Looker<'_> {
    /// Looks at all sources at once, and then measures one after another until `end`.
    pub(super) async fn all(
        &self,
        subjects: Vec<Subject>,
        end: Instant,
        progress: &Progress,
    ) -> Vec<Seen> {
        let (asked, all) = (self.sample.len(), self.wanted.len());
        progress.notice(format!("asking each source for {asked} of {all} files"));
        let looks = subjects.into_iter().map(async |subject| {
            let evidence = match subject.way {
                Ok(way) => self.at(way).await,
                Err(error) => Err(error),
            };
            let (evidence, place) = match evidence {
                Ok((evidence, place)) => (Ok(evidence), place),
                Err(error) => (Err(error), None),
            };
            let seen = Seen {
                name: subject.name,
                kind: subject.kind,
                commit: subject.commit,
                evidence,
                timing: None,
            };
            (seen, place)
        });
        let mut looked = join_all(looks).await;
        let mut left = looked.iter().filter(|(_, place)| place.is_some()).count();
        for (seen, place) in &mut looked {
            let Some(place) = place else { continue };
            progress.notice(format!("measuring {}", seen.name));
            let patience = judge::share(until(end), left);
            seen.timing = Some(measure::measure(self, place, patience).await);
            left -= 1;
        }
        looked.into_iter().map(|(seen, _)| seen).collect()
    }

    /// What is there, and where a piece of a file can be had from.
    async fn at(&self, way: Way) -> Result<(Vec<(usize, Evidence)>, Option<Place>), Error> {
        let (lane, evidence) = match way {
            Way::Folder(folder) => return self.folder(folder).await,
            Way::Server(lane) => (lane, self.server(lane).await),
            Way::Listed(lane, names) => (lane, self.listed(lane, &names)),
        };
        let largest = judge::largest(&evidence, &self.wanted);
        let place = largest.and_then(|index| {
            let source = self.source(index, lane)?;
            Some(Place::Source(index, source))
        });
        Ok((evidence, place))
    }

    /// The source that a download would ask for a file by this way.
    fn source(&self, index: usize, lane: usize) -> Option<Source> {
        let sources = self.provider.sources(&self.wanted[index]);
        sources.into_iter().find(|source| source.lane == lane)
    }

    async fn server(&self, lane: usize) -> Vec<(usize, Evidence)> {
        let gates = Gates::default();
        let Some((&first, rest)) = self.sample.split_first() else {
            return Vec::new();
        };
        let mut answers = vec![(first, self.file(first, lane, &gates).await)];
        if let Evidence::Answer(Err(error)) = &answers[0].1
            && matches!(
                error.kind(),
                ErrorKind::Unreachable | ErrorKind::RateLimited
            )
        {
            // It is not asked again by seven questions at once.
            return answers;
        }
        let gates = &gates;
        let rest = rest.iter();
        let rest = rest.map(async |&index| (index, self.file(index, lane, gates).await));
        answers.extend(join_all(rest).await);
        answers
    }

    async fn file(&self, index: usize, lane: usize, gates: &Gates) -> Evidence {
        let wanted = &self.wanted[index];
        let Some((source, size)) = self.source(index, lane).zip(wanted.size) else {
            return Evidence::Listed(Listed::Absent);
        };
        let question = || Question {
            source: &source,
            wanted,
            range: 0..size.min(1),
            fresh: false,
        };
        let (network, patience) = (self.network(gates), NEXT.min(until(self.deadline)));
        let answer = within(patience, async {
            match ask(&network, &self.provider, question()).await {
                // The connection may have been one that was kept too long.
                Err(error) if error.kind() == ErrorKind::Unreachable => {
                    ask(&network, &self.provider, question()).await
                }
                answer => answer,
            }
        });
        Evidence::Answer(answer.await.map(|answer| {
            Box::new(Head {
                range: question().range,
                status: answer.response.status,
                meta: answer.meta(),
                headers: answer.response.headers,
            })
        }))
    }

    /// The way out. A host that wants to be left alone is left alone.
    pub(super) fn network<'a>(&'a self, gates: &'a Gates) -> Network<'a> {
        let hub = &self.client.hub;
        Network {
            transport: hub.transport.as_ref(),
            gates,
            nearness: hub.nearness.as_ref(),
            longest_pause: Duration::ZERO,
            spread: 0.0,
        }
    }

    fn listed(&self, lane: usize, names: &HashSet<String>) -> Vec<(usize, Evidence)> {
        let files = self.wanted.iter().enumerate();
        let stands = |(index, wanted): (usize, &Wanted)| {
            let listed = match self.source(index, lane) {
                Some(_) => Listed::Same,
                None if names.contains(wanted.name()) => Listed::Other(None),
                None => Listed::Absent,
            };
            (index, Evidence::Listed(listed))
        };
        files.map(stands).collect()
    }

    async fn folder(
        &self,
        folder: PathBuf,
    ) -> Result<(Vec<(usize, Evidence)>, Option<Place>), Error> {
        let (wanted, repo, commit) = (
            Arc::clone(&self.wanted),
            self.repo.clone(),
            self.commit.clone(),
        );
        let look = self.client.disk.run(move || {
            let found = folder_source::find(&folder, (&repo, &commit), &wanted);
            found.map_err(|error| Error::disk("look into", &folder, error))
        });
        let lies = within(until(self.deadline), look).await?;
        let listed = |lies: &Lies| match lies {
            Lies::BySize(_) => Listed::BySize,
            Lies::OtherSize(size) => Listed::Other(Some(*size)),
            Lies::Absent => Listed::Absent,
        };
        let evidence: Vec<_> = lies
            .iter()
            .enumerate()
            .map(|(index, lies)| (index, Evidence::Listed(listed(lies))))
            .collect();
        let largest = judge::largest(&evidence, &self.wanted);
        let place = largest.and_then(|index| match &lies[index] {
            Lies::BySize(path) => Some(Place::File(index, path.clone())),
            Lies::OtherSize(_) | Lies::Absent => None,
        });
        Ok((evidence, place))
    }
}
