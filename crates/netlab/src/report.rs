//! What a lab counted and a client used, as text, as JSON and as a trace.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::counts::Counts;
use crate::end::{End, PerEnd};
use crate::failure::{Failure, Why};
use crate::flow::FlowCounts;
use crate::program::Ended;
use crate::pump::{Snapshot, TraceLine};
use crate::running::Made;

/// Why a client no longer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Ended,
    TimeLimit,
    Signal,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Ended => "client ended",
            Self::TimeLimit => "time limit",
            Self::Signal => "signal",
        }
    }
}

/// The end of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) reason: Reason,
    /// Exit status of netlab.
    pub(crate) status: u8,
    pub(crate) wall: Duration,
    pub(crate) used: Ended,
}

/// Everything that a report is made from.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) made: &'a Made,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) overruns: PerEnd<u64>,
    /// `None` while a lab stays.
    pub(crate) outcome: Option<Outcome>,
}

/// The JSON form. Its keys are an interface: scripts read them.
#[derive(Serialize)]
struct Json<'a> {
    profile: &'a str,
    settings: &'a str,
    seed: u64,
    cc: &'a str,
    #[serde(flatten)]
    outcome: Option<JsonOutcome>,
    up: JsonDirection,
    down: JsonDirection,
    #[serde(flatten)]
    flows: FlowCounts,
    emulator_cpu_s: f64,
}

#[derive(Serialize)]
struct JsonOutcome {
    wall_s: f64,
    exit: u8,
    end: &'static str,
    user_s: f64,
    system_s: f64,
    rss_kib: u64,
}

#[derive(Serialize)]
struct JsonDirection {
    #[serde(flatten)]
    counts: Counts,
    mbit: f64,
    payload_mbit: f64,
    overruns: u64,
    late_max_ms: f64,
}

/// To three places: what is measured here is not more exact.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

#[allow(clippy::cast_precision_loss, reason = "a report needs no 53rd bit")]
fn millions(number: u64) -> f64 {
    number as f64 / 1e6
}

/// Mean rate in Mbit/s between the first packet and the last.
fn mbit(counts: &Counts, bytes: u64) -> f64 {
    let first = counts.first_out.unwrap_or(counts.last_out);
    let span = counts.last_out.saturating_sub(first);
    if span.is_zero() {
        return 0.0;
    }
    rounded(millions(bytes) * 8.0 / span.as_secs_f64())
}

impl Report<'_> {
    fn direction(&self, sender: End) -> JsonDirection {
        let counts = self.snapshot.sent_by[sender];
        JsonDirection {
            mbit: mbit(&counts, counts.bytes_out),
            payload_mbit: mbit(&counts, counts.payload_out),
            overruns: self.overruns[sender],
            late_max_ms: rounded(counts.late_most.as_secs_f64() * 1e3),
            counts,
        }
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        let outcome = self.outcome.as_ref().map(|outcome| JsonOutcome {
            wall_s: seconds(outcome.wall),
            exit: outcome.status,
            end: outcome.reason.words(),
            user_s: seconds(outcome.used.user),
            system_s: seconds(outcome.used.system),
            rss_kib: outcome.used.peak_rss / 1024,
        });
        let json = Json {
            profile: &self.made.profile,
            settings: &self.made.settings,
            seed: self.made.seed,
            cc: &self.made.congestion_control,
            outcome,
            up: self.direction(End::Client),
            down: self.direction(End::Server),
            flows: self.snapshot.flows,
            emulator_cpu_s: seconds(self.snapshot.cpu),
        };
        let line = serde_json::to_string(&json).why("cannot write the report", "report it")?;
        Ok(line + "\n")
    }

    /// The same for people.
    pub(crate) fn text(&self) -> String {
        // Writing to a string does not fail.
        let mut text = format!("profile {}: {}\n", self.made.profile, self.made.settings);
        for sender in End::BOTH {
            let of = self.direction(sender);
            let counts = &of.counts;
            let _ = writeln!(
                text,
                "{:5} in {} packets {:.1} MB, out {} packets {:.1} MB ({:.1} Mbit/s), \
                 payload {:.1} MB ({:.1} Mbit/s)",
                sender.direction(),
                counts.packets_in,
                millions(counts.bytes_in),
                counts.packets_out,
                millions(counts.bytes_out),
                of.mbit,
                millions(counts.payload_out),
                of.payload_mbit,
            );
            let _ = writeln!(
                text,
                "      lost {} queue-full {} flow-queue-full {} link-dead {} flow-dead {} \
                 write-errors {} overruns {} peak-queue {} late {} (worst {:.1} ms)",
                counts.lost,
                counts.queue_drops,
                counts.flow_queue_drops,
                counts.link_dead_drops,
                counts.flow_dead_drops,
                counts.write_errors,
                of.overruns,
                counts.queue_peak,
                counts.late,
                of.late_max_ms,
            );
        }
        let flows = &self.snapshot.flows;
        let _ = writeln!(
            text,
            "flows {} resets {} stalls {} emulator CPU {:.2} s",
            flows.flows,
            flows.resets,
            flows.stalls,
            self.snapshot.cpu.as_secs_f64()
        );
        if let Some(outcome) = &self.outcome {
            let used = &outcome.used;
            let _ = writeln!(
                text,
                "client: {}, exit {}, wall {:.2} s, CPU {:.2}+{:.2} s, peak RSS {} KiB",
                outcome.reason.words(),
                outcome.status,
                outcome.wall.as_secs_f64(),
                used.user.as_secs_f64(),
                used.system.as_secs_f64(),
                used.peak_rss / 1024
            );
        }
        text
    }
}

/// A trace as CSV.
pub(crate) fn trace(lines: &[TraceLine]) -> String {
    let mut csv = String::from("ms,down_bytes,up_bytes,drops,open_flows\n");
    for line in lines {
        let _ = writeln!(
            csv,
            "{},{},{},{},{}",
            line.at.as_millis(),
            line.down_bytes,
            line.up_bytes,
            line.drops,
            line.open_flows
        );
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Made {
        Made {
            profile: "lan".into(),
            settings: "delay=1ms".into(),
            seed: 3,
            congestion_control: "cubic".into(),
        }
    }

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot {
            flows: FlowCounts {
                flows: 2,
                resets: 1,
                stalls: 0,
            },
            ..Snapshot::default()
        };
        let down = &mut snapshot.sent_by.server;
        (down.bytes_out, down.payload_out) = (3_000_000, 2_500_000);
        (down.first_out, down.last_out) = (Some(Duration::from_secs(1)), Duration::from_secs(3));
        snapshot
    }

    #[test]
    fn rates_are_those_between_first_and_last_packet() {
        let (made, snapshot) = (made(), snapshot());
        let report = Report {
            made: &made,
            snapshot: &snapshot,
            overruns: PerEnd {
                client: 0,
                server: 5,
            },
            outcome: None,
        };
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(
            (&json["down"]["mbit"], &json["down"]["payload_mbit"]),
            (&12.0.into(), &10.0.into())
        );
        assert_eq!(
            (&json["up"]["mbit"], &json["down"]["overruns"]),
            (&0.0.into(), &5.into())
        );
        assert_eq!((&json["resets"], json.get("wall_s")), (&1.into(), None));
        assert!(
            report.text().contains("flows 2 resets 1 stalls 0"),
            "{}",
            report.text()
        );
    }

    #[test]
    fn the_end_of_a_client_is_told() {
        let (made, snapshot) = (made(), snapshot());
        let used = Ended {
            status: 7,
            user: Duration::from_millis(250),
            system: Duration::from_millis(500),
            peak_rss: 2 << 20,
        };
        let report = Report {
            made: &made,
            snapshot: &snapshot,
            overruns: PerEnd::default(),
            outcome: Some(Outcome {
                reason: Reason::TimeLimit,
                status: 124,
                wall: Duration::from_micros(1_234_567),
                used,
            }),
        };
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(
            (&json["wall_s"], &json["exit"]),
            (&1.235.into(), &124.into())
        );
        assert_eq!(
            (&json["end"], &json["rss_kib"]),
            (&"time limit".into(), &2048.into())
        );
        let told =
            "client: time limit, exit 124, wall 1.23 s, CPU 0.25+0.50 s, peak RSS 2048 KiB\n";
        assert!(report.text().ends_with(told), "{}", report.text());
    }

    #[test]
    fn a_trace_has_a_line_for_each_moment() {
        let line = TraceLine {
            at: Duration::from_millis(250),
            down_bytes: 4,
            up_bytes: 3,
            drops: 2,
            open_flows: 1,
        };
        assert_eq!(
            trace(&[line]),
            "ms,down_bytes,up_bytes,drops,open_flows\n250,4,3,2,1\n"
        );
    }
}
