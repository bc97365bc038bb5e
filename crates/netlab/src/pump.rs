//! The thread that moves packets between the two devices and the wire, and keeps its clock.

use std::io;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::counts::Counts;
use crate::end::{End, PerEnd};
use crate::failure::{Failure, Why};
use crate::flow::FlowCounts;
use crate::tun::Tun;
use crate::wire::Wire;

/// Above the largest packet, 64 KiB and its frame.
const BUFFER: usize = 1 << 17;
/// Packets taken from one device before the other has its turn and what is due is handed over.
const BATCH: usize = 64;
/// How often counts are told: often enough to see a stall in a trace.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// The longest sleep, so that an order to stop is heard.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// A sleep shorter than this takes longer than asked: look again instead.
const SHORTEST_SLEEP: Duration = Duration::from_micros(2);
/// Precedence over ordinary programs: a wire does not slow down because a CPU is busy.
const NICE: i32 = -15;
/// Lines that a trace may have: a day.
const TRACE_MOST: usize = 24 * 3600 * 4;

/// All counts at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    /// What went in the direction in which each end sends.
    pub(crate) sent_by: PerEnd<Counts>,
    pub(crate) flows: FlowCounts,
    /// CPU time of the thread.
    pub(crate) cpu: Duration,
}

/// A line of the trace: totals at a time after the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceLine {
    pub(crate) at: Duration,
    pub(crate) down_bytes: u64,
    pub(crate) up_bytes: u64,
    pub(crate) drops: u64,
    pub(crate) open_flows: usize,
}

#[derive(Debug, Default)]
struct Told {
    snapshot: Snapshot,
    /// `None` if nobody asked for one.
    trace: Option<Vec<TraceLine>>,
}

/// The thread, seen from outside.
#[derive(Debug)]
pub(crate) struct Pump {
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    thread: JoinHandle<io::Result<()>>,
}

/// What a pump has to say when it is stopped.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) snapshot: Snapshot,
    pub(crate) trace: Vec<TraceLine>,
}

impl Pump {
    pub(crate) fn start(tuns: PerEnd<Tun>, wire: Wire, traced: bool) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Mutex::new(Told {
            trace: traced.then(Vec::new),
            ..Told::default()
        }));
        let pumping = Pumping {
            tuns,
            wire,
            start: Instant::now(),
            told: Arc::clone(&told),
        };
        let (thread, stopped) = (thread::Builder::new().name("wire".into()), stop.clone());
        let thread = thread.spawn(move || pumping.run(&stopped));
        let thread = thread.why("cannot start the thread of the link", "try again")?;
        Ok(Self { stop, told, thread })
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        lock(&self.told).snapshot
    }

    /// Stops the link and says all that it counted.
    pub(crate) fn stop(self) -> Result<Record, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        let next = "leave the devices and namespaces of a lab alone while it runs";
        match ended {
            Ok(ended) => ended.why("the link broke", next)?,
            Err(_) => return Err(Failure::new("the thread of the link panicked", "report it")),
        }
        let mut told = lock(&self.told);
        Ok(Record {
            snapshot: told.snapshot,
            trace: told.trace.take().unwrap_or_default(),
        })
    }
}

/// What is told is whole after every write, so a panic elsewhere does not spoil it.
fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread, seen from inside.
struct Pumping {
    tuns: PerEnd<Tun>,
    wire: Wire,
    start: Instant,
    told: Arc<Mutex<Told>>,
}

impl Pumping {
    fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        ask_for_precedence();
        let mut buffer = vec![0; BUFFER];
        let mut tell_at = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let now = self.start.elapsed();
            let tuns = &self.tuns;
            let next = self
                .wire
                .advance(now, &mut |end, packet| tuns[end].write(packet));
            if now >= tell_at {
                tell_at = now + TELL_EVERY;
                self.tell(now);
            }
            if !self.take(&mut buffer)? {
                let latest = now + LONGEST_SLEEP;
                self.sleep_until(next.map_or(latest, |next| next.min(latest)))?;
            }
        }
        self.tell(self.start.elapsed());
        Ok(())
    }

    /// Takes a batch of packets from each device; whether there was any.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let mut any = false;
        for end in End::BOTH {
            for _ in 0..BATCH {
                let Some(length) = self.tuns[end].read(buffer)? else {
                    break;
                };
                any = true;
                self.wire.send(end, &buffer[..length], self.start.elapsed());
            }
        }
        Ok(any)
    }

    /// Sleeps until then or until there is a packet.
    fn sleep_until(&self, then: Duration) -> io::Result<()> {
        let wait = then.saturating_sub(self.start.elapsed());
        if wait < SHORTEST_SLEEP {
            return Ok(());
        }
        let mut devices = End::BOTH.map(|end| PollFd::new(&self.tuns[end], PollFlags::IN));
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut devices, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn tell(&self, now: Duration) {
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        let sent_by = *self.wire.counts();
        let mut told = lock(&self.told);
        told.snapshot = Snapshot {
            sent_by,
            flows: self.wire.flow_counts(),
            cpu: Duration::try_from(cpu).unwrap_or_default(),
        };
        let trace = told.trace.as_mut();
        if let Some(trace) = trace.filter(|trace| trace.len() < TRACE_MOST) {
            trace.push(TraceLine {
                at: now,
                down_bytes: sent_by.server.bytes_out,
                up_bytes: sent_by.client.bytes_out,
                drops: sent_by.client.drops() + sent_by.server.drops(),
                open_flows: self.wire.open_flows(),
            });
        }
    }
}

/// Asks for exact timers and for precedence, for this thread alone. Where they are refused the link
/// works, and its count of late packets says how well.
fn ask_for_precedence() {
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    // On Linux, this process without a number is this thread.
    let _ = rustix::process::setpriority_process(None, NICE);
}
