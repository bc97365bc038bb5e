//! Carries requests from the engine to the test Hubs without sockets, on virtual time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hfast::transport::{Body, Boxed, Failure, FailureKind, Request, Response, Transport};
use hfast_testkit::hub::{self, CutHow, Exchange, FakeHub};
use tokio::time::Instant;
use url::Position;

/// Every name that exists, with the port where it is not the usual one, and what is there.
pub(crate) type Hosts = Vec<(&'static str, FakeHub)>;

/// One way through the simulated network.
const DELAY: Duration = Duration::from_millis(40);

/// What a piece of a body holds at most.
const PIECE: usize = 16 << 10;

/// A network in which every name that exists leads to a test Hub.
pub(crate) struct SimulatedLink {
    hosts: Hosts,
    /// Bytes per second of each connection.
    rate: u64,
    /// On the way of a question, and of its answer.
    pub(crate) delay: Duration,
    /// What becomes of exchanges beyond these.
    most: usize,
    beyond: Beyond,
    pub(crate) open: Arc<Mutex<Concurrency>>,
}

/// What becomes of an exchange that is not let in.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "not every test that has links needs it")]
pub(crate) enum Beyond {
    Reset,
    /// It gets this status.
    Status(u16),
    /// It is never answered.
    Silence,
}

/// How many exchanges were open at once.
#[derive(Default)]
pub(crate) struct Concurrency {
    pub(crate) now: usize,
    pub(crate) most: usize,
    /// How many connections were let in, and how many of them nobody uses.
    inside: usize,
    idle: usize,
    /// How many were not let in.
    #[allow(dead_code, reason = "not every test that has links needs it")]
    pub(crate) refused: usize,
}

impl SimulatedLink {
    pub(crate) fn new(hosts: Hosts, rate: u64) -> Self {
        Self {
            hosts,
            rate,
            delay: DELAY,
            most: usize::MAX,
            beyond: Beyond::Reset,
            open: Arc::default(),
        }
    }

    /// Lets in so many exchanges at once.
    #[allow(dead_code, reason = "not every test that has links needs it")]
    pub(crate) fn letting_in(self, most: usize, beyond: Beyond) -> Self {
        Self {
            most,
            beyond,
            ..self
        }
    }

    /// Whether the exchange has a connection that is let in. If not, it is counted.
    fn lets_in(&self, slot: &mut Slot, fresh: bool) -> bool {
        let mut open = self.open.lock().unwrap();
        slot.is_kept = !fresh && open.idle > 0;
        slot.is_in = slot.is_kept || open.inside < self.most;
        if slot.is_kept {
            open.idle -= 1;
        } else {
            open.inside += usize::from(slot.is_in);
            open.refused += usize::from(!slot.is_in);
        }
        slot.is_in
    }

    fn hub(&self, host: &str) -> Result<&FakeHub, Failure> {
        let found = self.hosts.iter().find(|(name, _)| *name == host);
        let unknown = || Failure::new(FailureKind::Dns, "the name could not be resolved");
        found.map(|(_, hub)| hub).ok_or_else(unknown)
    }
}

impl Transport for SimulatedLink {
    fn send(&self, request: Request) -> Boxed<'_, Result<Response, Failure>> {
        let url = request.url;
        let mut sent = hub::Request::new(
            request.method.as_str(),
            &url[Position::BeforeHost..Position::AfterPort],
            &path_and_query(&url),
        );
        sent.headers = request.headers;
        if !url.username().is_empty() {
            // The HTTP library would make this header of a name in the URL.
            sent = sent.header("authorization", url.username());
        }
        let mut slot = Slot::open(&self.open);
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            let lets_in = self.lets_in(&mut slot, request.fresh);
            match self.beyond {
                Beyond::Reset if !lets_in => {
                    return Err(Failure::new(FailureKind::Broken, "connection reset"));
                }
                Beyond::Silence if !lets_in => std::future::pending::<()>().await,
                _ => {}
            }
            let Exchange {
                mut response,
                delivery,
                meter,
            } = self.hub(&sent.host)?.exchange(&sent);
            if let (Beyond::Status(status), false) = (self.beyond, lets_in) {
                response = hub::Response::new(status);
            }
            if delivery.refuse {
                return Err(Failure::new(FailureKind::Broken, "connection reset"));
            }
            let extra = delivery.delay_headers.unwrap_or_default();
            if extra == Duration::MAX {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(self.delay + extra).await;
            let rate = delivery.rate.unwrap_or(self.rate).min(self.rate);
            let (cut, declared) = (delivery.cut, declared_length(&response));
            let kept = slot.is_kept;
            let body = SimulatedBody {
                body: response.body,
                position: 0,
                rate,
                cut,
                declared,
                meter,
                due: None,
                slot,
            };
            let status = http::StatusCode::from_u16(response.status).unwrap();
            Ok(Response {
                status,
                headers: response.headers,
                peer: None,
                kept,
                body: Box::new(body),
            })
        })
    }

    fn avoid(&self, _: SocketAddr) {}
}

fn path_and_query(url: &url::Url) -> String {
    url.query().map_or_else(
        || url.path().to_owned(),
        |query| format!("{}?{query}", url.path()),
    )
}

fn declared_length(response: &hub::Response) -> Option<u64> {
    response
        .headers
        .get("content-length")?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

struct SimulatedBody {
    body: hub::Body,
    position: u64,
    rate: u64,
    cut: Option<hub::Cut>,
    declared: Option<u64>,
    meter: hub::Meter,
    /// When the next piece comes.
    due: Option<Instant>,
    slot: Slot,
}

impl SimulatedBody {
    /// The next piece, as far as the declared length and the cut allow.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let end = self.declared.unwrap_or(u64::MAX).min(self.body.len());
        if let Some(cut) = self.cut.as_ref().filter(|cut| self.position >= cut.after) {
            match cut.how {
                CutHow::Reset => return Err(Failure::new(FailureKind::Broken, "connection reset")),
                CutHow::Fin => return self.early_end(),
                CutHow::Stall(None) => std::future::pending().await,
                CutHow::Stall(Some(pause)) => {
                    self.wait(pause).await;
                    self.cut = None;
                }
            }
        }
        if self.position >= end {
            return if self.declared.is_some_and(|n| n > end) {
                self.early_end()
            } else {
                Ok(None)
            };
        }
        let stop = self.cut.as_ref().map_or(end, |cut| cut.after.min(end));
        let len = usize::try_from(stop - self.position).unwrap().min(PIECE);
        // A trickle comes in small pieces, not in large ones after a long wait.
        let len = len.min(usize::try_from(self.rate).unwrap().max(1));
        let second = Duration::from_secs(1);
        let time = second * u32::try_from(len).unwrap() / u32::try_from(self.rate).unwrap();
        self.wait(time).await;
        let mut buffer = vec![0; len];
        let filled = self.body.fill(self.position, &mut buffer);
        buffer.truncate(filled);
        self.position += filled as u64;
        self.slot.is_done = self.position == end;
        self.meter.add(filled as u64);
        Ok(Some(buffer.into()))
    }

    /// Waits until what comes next has taken its time, however often somebody looks whether it has.
    async fn wait(&mut self, time: Duration) {
        let due = *self.due.get_or_insert_with(|| Instant::now() + time);
        tokio::time::sleep_until(due).await;
        self.due = None;
    }

    /// What the HTTP library says when a connection closes: an error if a length was declared.
    fn early_end(&self) -> Result<Option<Bytes>, Failure> {
        match self.declared {
            Some(_) => Err(Failure::new(FailureKind::Broken, "connection closed early")),
            None => Ok(None),
        }
    }
}

impl Body for SimulatedBody {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(self.next())
    }
}

/// Counts an exchange as open until it is dropped.
struct Slot {
    count: Arc<Mutex<Concurrency>>,
    is_in: bool,
    is_kept: bool,
    /// The answer came to its end, and the connection can be kept.
    is_done: bool,
}

impl Slot {
    fn open(count: &Arc<Mutex<Concurrency>>) -> Self {
        let mut concurrency = count.lock().unwrap();
        concurrency.now += 1;
        concurrency.most = concurrency.most.max(concurrency.now);
        Self {
            count: Arc::clone(count),
            is_in: false,
            is_kept: false,
            is_done: false,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut count = self.count.lock().unwrap();
        count.now -= 1;
        if self.is_in && self.is_done {
            count.idle += 1;
        } else {
            count.inside -= usize::from(self.is_in);
        }
    }
}
