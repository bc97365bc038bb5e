//! How fast a source gives a piece of a file, over one new connection. What that means is judged in
//! `judge.rs`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::ask::{Question, ask, until, within};
use super::look::Looker;
use super::seen::Timing;
use crate::error::{Error, ErrorKind};
use crate::hub::token::Origin;
use crate::store::folder_source;
use crate::transfer::check::{Asked, check};
use crate::transfer::source::Source;
use crate::transport::gate::Gates;

/// Enough to see past the beginning of a connection at 10 MB/s, and little for who pays by the byte.
const PIECE: u64 = 4 << 20;

/// Where a piece of the file with this index is had from.
pub(super) enum Place {
    Source(usize, Source),
    File(usize, PathBuf),
}

/// Fetches a piece from the middle of the file, and throws it away. What has not come within `patience`
/// is not waited for.
pub(super) async fn measure(
    looker: &Looker<'_>,
    place: &Place,
    patience: Duration,
) -> Result<Timing, Error> {
    match place {
        Place::Source(index, source) => from_source(looker, (*index, source), patience).await,
        Place::File(index, path) => {
            let (range, path) = (piece(looker, *index), path.clone());
            let read = looker.client.disk.run(move || {
                let read = folder_source::read(&path, &range, patience);
                read.map_err(|error| Error::disk("read", &path, error))
            });
            let (first_byte, bytes, took) = within(patience, read).await?;
            Ok(Timing {
                first_byte,
                rest: (bytes, took),
                from: None,
            })
        }
    }
}

/// The bytes from the middle of the file: the first ones may lie somewhere nearer, as the answers to
/// those who only looked.
fn piece(looker: &Looker<'_>, index: usize) -> Range<u64> {
    let size = looker.wanted[index].size.unwrap_or_default();
    let length = size.min(PIECE);
    let start = (size - length) / 2;
    start..start + length
}

async fn from_source(
    looker: &Looker<'_>,
    (index, source): (usize, &Source),
    patience: Duration,
) -> Result<Timing, Error> {
    let (wanted, range) = (&looker.wanted[index], piece(looker, index));
    let (begun, gates) = (Instant::now(), Gates::default());
    let end = begun + patience;
    let question = Question {
        source,
        wanted,
        range: range.clone(),
        fresh: true,
    };
    let network = looker.network(&gates);
    let mut answer = within(patience, ask(&network, &looker.provider, question)).await?;
    let asked = Asked {
        size: wanted.size.unwrap_or_default(),
        validator: None,
        range: range.clone(),
    };
    let checked = check(&asked, answer.response.status, &answer.response.headers);
    checked.map_err(|void| {
        let text = format!("the answer is void: {void}");
        Error::new(ErrorKind::Protocol, text)
    })?;
    let from = Origin::of(&answer.url);
    let elsewhere = from != Origin::of(&source.resolve);
    let body = &mut answer.response.body;
    let first = within(until(end), async { Ok(body.chunk().await?) }).await?;
    let (first_byte, since) = (begun.elapsed(), Instant::now());
    let wanted = range.end - range.start;
    let mut left = wanted.saturating_sub(first.map_or(0, |piece| piece.len() as u64));
    let (mut bytes, mut took) = (0, Duration::ZERO);
    // A silence counts as much as a slow byte: the time that is up is part of the rate.
    while left > 0 {
        let Ok(next) = timeout(until(end), body.chunk()).await else {
            took = since.elapsed();
            break;
        };
        let Some(next) = next? else { break };
        bytes += next.len() as u64;
        left = left.saturating_sub(next.len() as u64);
        took = since.elapsed();
    }
    Ok(Timing {
        first_byte,
        rest: (bytes, took),
        from: elsewhere.then(|| from.to_string()),
    })
}
