//! What can be wrong with a Hub: faults that pass by themselves, and ailments that stay.

use fastrand::Rng;
use hfast_testkit::corpus::{Repo, RepoFile};
use hfast_testkit::faults::{self, Fault, Match, What};
use hfast_testkit::hub::RouteKind;

use crate::world::{STRANGER, WINDOW};

/// What is wrong with an endpoint for good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ailment {
    Nothing,
    Refuses,
    Silent,
    Portal,
    /// It answers as it should, but its storage refuses.
    NoStorage,
    /// Its storage stops in the middle of everything.
    StallingStorage,
    WrongBytes,
    /// It does not have the repository.
    Lacks,
    /// It asks for a grant that the user has not got.
    Gated,
}

impl Ailment {
    pub(crate) const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Refuses,
        Self::Silent,
        Self::Portal,
        Self::NoStorage,
        Self::StallingStorage,
        Self::WrongBytes,
        Self::Lacks,
        Self::Gated,
    ];

    /// The fault that it is, where it is one.
    pub(crate) fn fault(self, repo: &Repo, rng: &mut Rng) -> Option<Fault> {
        let (when, what) = match self {
            Self::Nothing | Self::Lacks | Self::Gated => return None,
            Self::Refuses => (Match::any(), What::Refuse),
            Self::Silent => (Match::any(), What::StallBeforeHeaders(None)),
            Self::Portal => (Match::any(), What::CaptivePortal),
            Self::NoStorage => (Match::cdn(), What::Refuse),
            Self::StallingStorage => (Match::cdn(), What::StallAfter(rng.u64(0..60_000), None)),
            Self::WrongBytes => (Match::cdn(), flip(repo, rng)),
        };
        Some(Fault::new(when, what))
    }
}

/// Faults that pass by themselves. Whoever has them can serve in the end.
pub(crate) fn passing(repo: &Repo, rng: &mut Rng) -> Vec<Fault> {
    let intensity = rng.u32(0..10).saturating_sub(2);
    let mut faults = with_few_api_faults(faults::random(rng.u64(..), intensity));
    if is_long(repo) {
        // Few looks are taken again at a long file: its one wrong byte is drawn elsewhere.
        faults.retain(|fault| !turns_bits(fault));
    }
    if rng.u32(0..4) == 0 {
        let location = format!("http://name:secret@{STRANGER}/x");
        let when = Match::resolve().skip(rng.u32(0..8)).times(rng.u32(1..4));
        let code = 307;
        faults.push(Fault::new(when, What::RedirectTo { code, location }));
    }
    faults
}

/// Six refusals of the listing in a row are an outage, and end in an error as they should.
fn with_few_api_faults(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut strikes = 0;
    faults.retain(|fault| {
        let files_only = matches!(fault.when.kind, Some(RouteKind::Resolve | RouteKind::Cdn));
        strikes += if files_only {
            0
        } else {
            fault.when.times.unwrap_or(u32::MAX)
        };
        files_only || strikes <= 5
    });
    faults
}

/// A wrong bit: in a long file behind the first window that is compared, so that the second is
/// reached; else where every file in the storage has a byte.
pub(crate) fn flip(repo: &Repo, rng: &mut Rng) -> What {
    let longest = repo.files.iter().map(RepoFile::size).max();
    What::FlipByte(match longest {
        Some(size) if is_long(repo) => rng.u64(WINDOW..size),
        _ => rng.u64(0..3 << 20),
    })
}

pub(crate) fn is_long(repo: &Repo) -> bool {
    repo.files.iter().any(|file| file.size() > WINDOW)
}

fn turns_bits(fault: &Fault) -> bool {
    matches!(fault.what, What::FlipByte(_))
}

/// Bytes that faults may cost in one run. A wrong byte costs as many more looks at a file as the
/// engine takes. Of a file that comes whole, whatever was asked for, most may be of no use. Anything
/// else costs no more than a moment.
pub(crate) fn cost(faults: &[Fault], repo: &Repo) -> u64 {
    let any = |is: fn(&Fault) -> bool| u64::from(faults.iter().any(is));
    let ignores_range = |fault: &Fault| matches!(fault.what, What::IgnoreRange);
    (4 * any(turns_bits) + 2 * any(ignores_range)) * repo.total_size()
}
