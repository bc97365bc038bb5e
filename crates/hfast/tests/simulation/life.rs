//! One job in a world: from its beginning to its end, through all the kills on the way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::hub::token::Token;
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::Progress;

use crate::link::SimulatedLink;
use crate::world::{Layout, TOKEN, World};
use crate::{checks, crash};

pub(crate) const CONNECTIONS: usize = 6;

/// No fault of these tests may hold a job longer than this, in virtual time.
const LIMIT: Duration = Duration::from_secs(900);

/// What a job did.
pub(crate) struct Story {
    pub(crate) report: Result<Report, hfast::Error>,
    pub(crate) most_open: usize,
    /// Virtual time of the last run.
    pub(crate) took: Duration,
    pub(crate) kills: u64,
    /// Exchanges that were open when a kill came, over all kills.
    pub(crate) cut_off: usize,
    /// Bytes that had been claimed and that kills took away.
    pub(crate) lost: u64,
}

/// Runs the job in `root`, again and again until it is not killed any more.
pub(crate) fn live(world: &World, root: &Path) -> Story {
    let rng = &mut Rng::with_seed(!world.seed);
    let (mut kills, mut cut_off, mut lost, mut most_open) = (0, 0, 0, 0);
    let mut planned = world.kills.iter();
    loop {
        let kill = planned.next();
        let seed = rng.u64(..);
        let run = run(world, seed, root, kill.map_or(LIMIT, |kill| kill.after));
        most_open = most_open.max(run.most_open);
        match (run.report, kill) {
            (Some(report), _) => {
                return Story {
                    report,
                    most_open,
                    took: run.took,
                    kills,
                    cut_off,
                    lost,
                };
            }
            (None, Some(kill)) => {
                checks::nothing_wrong_is_published(world, root);
                lost += crash::strike(root, &world.repo, kill, rng);
                kills += 1;
                cut_off += run.open_at_end;
            }
            (None, None) => panic!("it does not end"),
        }
    }
}

/// One run; without a report when its time was over first.
struct Run {
    report: Option<Result<Report, hfast::Error>>,
    most_open: usize,
    open_at_end: usize,
    took: Duration,
}

/// Runs the job as one process would. At `limit` everything is dropped where it is: nothing is
/// flushed, closed or told.
fn run(world: &World, seed: u64, root: &Path, limit: Duration) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let link = SimulatedLink::new(world.hosts.clone(), world.rate);
        let open = Arc::clone(&link.open);
        let power = Power::default();
        let disk = Disk::Inline(power.clone());
        let client = Client::with_transport(options(world), Arc::new(link), disk, seed);
        let started = tokio::time::Instant::now();
        let job = tokio::time::timeout(limit, job(&client, world.layout, root));
        let mut job = std::pin::pin!(job);
        let report = job.as_mut().await.ok();
        if report.is_none() {
            power.fail();
        }
        let open = open.lock().unwrap();
        Run {
            report,
            most_open: open.most,
            open_at_end: open.now,
            took: started.elapsed(),
        }
    })
}

fn options(world: &World) -> ClientOptions {
    let endpoint = |host: &&str| format!("http://{host}").parse().unwrap();
    ClientOptions {
        endpoints: world.endpoints.iter().map(endpoint).collect(),
        token: world.token.then(|| Token::new(TOKEN).unwrap()),
        connections: Some(CONNECTIONS),
        max_files: 3,
        ..ClientOptions::default()
    }
}

async fn job(client: &Client, layout: Layout, root: &Path) -> Result<Report, hfast::Error> {
    let repo = hfast::Repo::new(hfast::RepoType::Model, hfast::RepoId::new("org/name")?);
    let target = match layout {
        Layout::Cache => Target::Cache(root.to_owned()),
        Layout::LocalDir => Target::LocalDir(root.to_owned()),
    };
    let plan = client
        .plan(&DownloadRequest::new(repo, target), &Progress::default())
        .await?;
    client.download(plan, &Arc::new(Progress::default())).await
}
