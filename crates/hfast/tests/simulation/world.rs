//! What one seed decides: the repository, the endpoints and what is wrong with each, the layout,
//! and when the job is killed. Nothing here runs.

use std::sync::LazyLock;
use std::time::Duration;

use fastrand::Rng;
use hfast_testkit::corpus::{Content, Repo, RepoBuilder};
use hfast_testkit::faults::{Fault, Match};
use hfast_testkit::hub::{self, Clock, FakeHub, LfsRedirect, Logged, Options};

use crate::crash::{Harm, Kill};
use crate::link::Hosts;
use crate::misfortune::{Ailment, cost, flip, is_long, passing};

pub(crate) const TOKEN: &str = "hf_simulated";

const HUB: &str = "hub.test";
const MIRROR: &str = "mirror.test";
/// Nobody named this host: a redirect leads to it.
pub(crate) const STRANGER: &str = "stranger.test";

/// What the engine fetches again at a time when nobody knows where a wrong byte is.
pub(crate) const WINDOW: u64 = 64 << 20;

/// So slow that extents are closed by the clock, and so fast that they are closed when they are full.
const SLOW: u64 = 4_000_000;
const FAST: u64 = 16_000_000;

/// Everything that lies outside the engine.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) repo: Repo,
    pub(crate) hosts: Hosts,
    /// The endpoints' hosts in the order in which the user names them.
    pub(crate) endpoints: Vec<&'static str>,
    pub(crate) token: bool,
    pub(crate) layout: Layout,
    /// Bytes per second of each connection.
    pub(crate) rate: u64,
    pub(crate) kills: Vec<Kill>,
    /// Bytes that the faults may cost in each run, beside those of the repository.
    pub(crate) waste: u64,
    /// All of it in words, for the one who looks for the cause.
    pub(crate) about: Vec<String>,
}

/// Where the files go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    Cache,
    LocalDir,
}

/// What is behind the second endpoint.
#[derive(Clone, Copy, Debug)]
enum Mirror {
    None,
    /// The same Hub under another name.
    Alias,
    Own(Ailment),
}

/// Contents of few bytes in many files, and of many bytes in few.
static MIXED: LazyLock<Repo> = LazyLock::new(|| {
    let mut repo = Repo::model("org/name")
        .file("config.json", b"{}")
        .file("empty.txt", b"");
    for n in 0..12 {
        repo = repo.content(&format!("small/{n}.txt"), Content::seeded(n, 700 * n));
    }
    hashed(
        repo.lfs("model.safetensors", Content::seeded(100, 40 << 20))
            .lfs("vocab.bin", Content::seeded(101, (3 << 20) + 77))
            .lfs("copy-of-vocab.bin", Content::seeded(101, (3 << 20) + 77)),
    )
});

/// One file that is longer than the engine's window.
static LONG: LazyLock<Repo> = LazyLock::new(|| {
    let repo = Repo::model("org/name").file("config.json", b"{}");
    hashed(repo.lfs(
        "model.safetensors",
        Content::seeded(102, WINDOW + (3 << 20)),
    ))
});

/// Builds it and computes its digests, which all clones then share.
fn hashed(repo: RepoBuilder) -> Repo {
    let repo = repo.build();
    for file in &repo.files {
        file.etag();
    }
    repo
}

impl World {
    /// One endpoint with these faults, the cache, and no kill.
    pub(crate) fn plain(seed: u64, faults: Vec<Fault>) -> Self {
        let repo = MIXED.clone();
        let hub = hub_with(&repo, false, "http://hub-cdn.test", 1000);
        hub.set_faults(faults);
        Self {
            seed,
            repo,
            hosts: vec![(HUB, hub.clone()), ("hub-cdn.test", hub)],
            endpoints: vec![HUB],
            token: false,
            layout: Layout::Cache,
            rate: SLOW,
            kills: Vec::new(),
            waste: 0,
            about: Vec::new(),
        }
    }

    /// What `seed` stands for. All that is wrong passes by itself, but for one endpoint of two.
    pub(crate) fn drawn(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let mut repo = Repo::clone(if seed % 16 == 9 { &LONG } else { &MIXED });
        let token = rng.u32(0..4) > 0;
        repo.private = token;
        let mirror = match rng.u32(0..8) {
            0..=2 => Mirror::None,
            3 => Mirror::Alias,
            _ => Mirror::Own(Ailment::ALL[rng.usize(0..Ailment::ALL.len())]),
        };
        let mut faults = passing(&repo, rng);
        if is_long(&repo) {
            faults.push(Fault::new(Match::cdn().once(), flip(&repo, rng)));
        }
        let rate = [SLOW, FAST][rng.usize(0..2)];
        let kills = (0..rng.u32(0..5)).skip(1);
        let page_size = if rng.bool() { 5 } else { 1000 };
        let hub = hub_with(&repo, token, "http://hub-cdn.test", page_size);
        let mut world = Self {
            seed,
            hosts: vec![
                (HUB, hub.clone()),
                ("hub-cdn.test", hub.clone()),
                (STRANGER, FakeHub::new(Vec::new())),
            ],
            endpoints: vec![HUB],
            token,
            layout: [Layout::Cache, Layout::LocalDir][rng.usize(0..2)],
            rate,
            kills: kills.map(|_| kill(&repo, rate, rng)).collect(),
            waste: cost(&faults, &repo),
            about: told(HUB, &faults),
            repo,
        };
        hub.set_faults(faults);
        world.add(mirror, hub, rng);
        let (endpoints, layout) = (&world.endpoints, world.layout);
        let about = format!("{endpoints:?}, {mirror:?}, {layout:?}, {rate} B/s");
        world.about.push(about);
        let kills = world.kills.iter().map(|kill| format!("{kill:?}"));
        world.about.extend(kills);
        world
    }

    /// Adds the second endpoint, before or after the first.
    fn add(&mut self, mirror: Mirror, hub: FakeHub, rng: &mut Rng) {
        match mirror {
            Mirror::None => return,
            Mirror::Alias => self.hosts.push((MIRROR, hub)),
            Mirror::Own(ailment) => {
                let mut faults = passing(&self.repo, rng);
                faults.extend(ailment.fault(&self.repo, rng));
                self.waste += cost(&faults, &self.repo);
                self.about.extend(told(MIRROR, &faults));
                let own = self.hub_that_ails(ailment);
                own.set_faults(faults);
                self.hosts
                    .extend([(MIRROR, own.clone()), ("mirror-cdn.test", own)]);
            }
        }
        self.endpoints.insert(rng.usize(0..=1), MIRROR);
    }

    fn hub_that_ails(&self, ailment: Ailment) -> FakeHub {
        let mut repo = self.repo.clone();
        repo.gated = ailment == Ailment::Gated;
        let hub = hub_with(&repo, self.token, "http://mirror-cdn.test", 1000);
        hub.configure(|options| {
            let tokens = options.tokens.iter_mut();
            tokens.for_each(|token| token.gated_access = false);
        });
        if ailment == Ailment::Lacks {
            hub.remove(repo.kind, &repo.id);
        }
        hub
    }

    /// Every request of every Hub, Hub by Hub.
    pub(crate) fn requests(&self) -> Vec<Logged> {
        let mut all: Vec<Logged> = Vec::new();
        for (host, hub) in &self.hosts {
            let own = hub.requests().into_iter().filter(|r| r.host == *host);
            all.extend(own);
        }
        all
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.requests().iter().map(|r| r.sent_bytes).sum()
    }

    /// Requests as lines, for comparing two runs.
    pub(crate) fn trace(&self) -> Vec<String> {
        let line = |r: Logged| {
            let Logged {
                method,
                host,
                path,
                range,
                status,
                sent_bytes,
                ..
            } = r;
            format!("{method} {host}{path} {range:?} {status} {sent_bytes}")
        };
        self.requests().into_iter().map(line).collect()
    }
}

fn hub_with(repo: &Repo, token: bool, storage: &str, page_size: usize) -> FakeHub {
    let options = Options {
        lfs_redirect: LfsRedirect::To(storage.into()),
        // Signed URLs that never expire: the wall clock is not part of the simulation.
        clock: Clock::new(|| 4_000_000_000),
        tokens: token.then(|| hub::Token::new(TOKEN)).into_iter().collect(),
        page_size,
        ..Options::default()
    };
    FakeHub::with_options(vec![repo.clone()], options)
}

/// The faults of a host, a line for each; the body of an answer is cut short.
fn told(host: &str, faults: &[Fault]) -> Vec<String> {
    let line = |fault| format!("{host}: {fault:?}").chars().take(300).collect();
    faults.iter().map(line).collect()
}

/// A kill at any moment of a job without faults, or of one that they hold up.
fn kill(repo: &Repo, rate: u64, rng: &mut Rng) -> Kill {
    let questions = Duration::from_millis(500);
    let alone = questions + Duration::from_millis(repo.total_size() / (4 * rate / 1000));
    let longest = if rng.bool() { alone } else { 20 * alone };
    Kill {
        after: longest.mul_f64(rng.f64()),
        harm: match rng.u32(0..6) {
            0 => Some(Harm::TornRecord),
            1 => Some(Harm::LostBlocks),
            2 => Some(Harm::Truncated),
            _ => None,
        },
        other_process: rng.bool(),
    }
}
