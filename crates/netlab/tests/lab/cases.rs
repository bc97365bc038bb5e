//! What a lab does to real TCP, and that nothing is left of it whatever ends it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ends::{RESET, RIGHT, SILENCE};
use crate::netlab::Named;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

macro_rules! cases {
    ($($name:ident)*) => {
        pub(crate) const CASES: &[Case] = &[$(Case { name: stringify!($name), run: $name }),*];
    };
}

cases! {
    bytes_cross_a_clean_link
    a_connection_is_held_to_its_rate
    a_silent_connection_stays_silent
    a_reset_is_believed
    what_is_cut_out_of_large_packets_is_sent_again
    another_address_has_another_link
    the_status_of_the_client_is_that_of_netlab
    the_time_limit_ends_it
    a_signal_ends_it
    what_a_kill_leaves_is_swept
    a_server_that_fails_ends_it
    what_cannot_be_is_refused
    a_lab_stays_until_it_is_taken_down
}

fn bytes_cross_a_clean_link() {
    let bytes = 40_000_000;
    let ran = Named::new("lan").download("lan", &[], "server", bytes);
    assert_eq!(ran.status, RIGHT, "{}", ran.said);
    assert!(ran.number("/down/payload_out") >= 4e7);
    assert!(ran.number("/down/payload_mbit") <= 1_000.0, "{}", ran.said);
    // At 125 MB/s, with headers, they take a third of a second.
    assert!(ran.number("/wall_s") >= 0.32, "{}", ran.said);
    assert!(ran.number("/flows") >= 1.0 && ran.number("/rss_kib") > 500.0);
    assert_eq!(ran.text("/settings"), "delay=100us rate=1gbit gso=on");
    assert!(
        ran.said.contains("client: client ended, exit 0"),
        "{}",
        ran.said
    );
}

fn a_connection_is_held_to_its_rate() {
    let ran = Named::new("throttled").download("throttled", &[], "cdn.lab", 6_000_000);
    assert_eq!(ran.status, RIGHT, "{}", ran.said);
    // At 2 MB/s, less the headers.
    assert!(ran.number("/wall_s") >= 3.0, "{}", ran.said);
    assert!(ran.number("/down/mbit") <= 16.1, "{}", ran.said);
}

fn a_silent_connection_stays_silent() {
    // At 100 Mbit/s, 100 MB take eight seconds; by then it is silent but once in e^16 runs.
    let ran = Named::new("stall").download(
        "stall",
        &["--set", "stall_mean=0.5s"],
        "server",
        100_000_000,
    );
    assert_eq!(ran.status, SILENCE, "{}", ran.said);
    assert!(ran.number("/stalls") >= 1.0 && ran.number("/down/flow_dead_drops") >= 1.0);
}

fn a_reset_is_believed() {
    for offload in ["gso=off", "gso=on"] {
        let words = ["--set", "stall_mean=0 rst_every=1s", "--set", offload];
        let ran = Named::new("reset").download("stall", &words, "server", 100_000_000);
        assert_eq!(ran.status, RESET, "{offload}: {}", ran.said);
        assert!(ran.number("/resets") >= 1.0);
    }
}

fn what_is_cut_out_of_large_packets_is_sent_again() {
    let lossy = ["--set", "down.loss=0.005"];
    let ran = Named::new("cut").download("lan", &lossy, "server", 20_000_000);
    assert_eq!(ran.status, RIGHT, "{}", ran.said);
    // 14000 packets at 0.5%, give or take five standard deviations.
    let lost = ran.number("/down/lost");
    assert!((28.0..=115.0).contains(&lost), "{}", ran.said);
    // What was lost was sent again, and hardly anything else: the kernel took what was cut.
    let again = ran.number("/down/payload_out") - 2e7;
    assert!(again < 2e6, "{}", ran.said);
}

fn another_address_has_another_link() {
    let path = ["--path", "10.77.3.9=throttled"];
    let ran = Named::new("path").download("lan", &path, "server2", 2_000_000);
    assert_eq!(ran.status, RIGHT, "{}", ran.said);
    assert!(ran.number("/wall_s") >= 1.0, "{}", ran.said);
}

fn the_status_of_the_client_is_that_of_netlab() {
    let lab = Named::new("status");
    let ran = lab.run(&["--profile", "lan", "--client-cmd", "exit 7"]);
    assert_eq!((ran.status, ran.number("/exit")), (7, 7.0));
    // Also if a signal ended it, and with something left in the background.
    let ran = lab.run(&["--profile", "lan", "--client-cmd", "sleep 60 & kill -9 $$"]);
    assert_eq!(ran.status, 137);
}

fn the_time_limit_ends_it() {
    let words = [
        "--profile",
        "lan",
        "--client-cmd",
        "sleep 60",
        "--time-limit",
        "1",
        "--quiet",
    ];
    let ran = Named::new("limit").run(&words);
    assert_eq!((ran.status, ran.text("/end")), (124, "time limit"));
    assert!((1.0..10.0).contains(&ran.number("/wall_s")));
    assert_eq!(ran.said, "");
}

/// Starts a lab whose client only waits; returns when it runs, with its process.
fn waiting_client(lab: &Named) -> (Child, PathBuf) {
    let words = [
        "--quiet",
        "--profile",
        "lan",
        "--client-cmd",
        "echo $$; exec sleep 60",
    ];
    let mut netlab = lab
        .command("run")
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let said = netlab.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut line).unwrap();
    let client = PathBuf::from("/proc").join(line.trim());
    assert!(client.exists() && lab.exists());
    (netlab, client)
}

fn a_signal_ends_it() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let lab = Named::new("signal");
        let (mut netlab, client) = waiting_client(&lab);
        kill_process(Pid::from_child(&netlab), signal).unwrap();
        assert_eq!(netlab.wait().unwrap().code(), Some(status));
        assert!(!client.exists(), "the client still runs");
        lab.assert_gone();
    }
}

fn what_a_kill_leaves_is_swept() {
    let lab = Named::new("kill");
    let (mut netlab, client) = waiting_client(&lab);
    netlab.kill().unwrap();
    netlab.wait().unwrap();
    // The client ends with it, if not at once.
    let begun = Instant::now();
    while client.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the client still runs"
        );
        thread::yield_now();
    }
    assert!(lab.exists(), "nothing can remove namespaces after a kill");
    let ran = lab.run(&["--profile", "lan", "--client-cmd", "true"]);
    assert_eq!(ran.status, 0, "{}", ran.said);
}

fn a_server_that_fails_ends_it() {
    let lab = Named::new("server");
    let server = ["--server-cmd", "exit 3", "--wait-port", "8000"];
    let client = ["--profile", "lan", "--client-cmd", "true"];
    let ran = lab.run(&[client, server].concat());
    assert_eq!(ran.status, 125);
    assert!(
        ran.said.contains("the server ended before it listened"),
        "{}",
        ran.said
    );
}

fn what_cannot_be_is_refused() {
    let lab = Named::new("refused");
    for (words, expected) in [
        (
            &["--profile", "lan", "--set", "loss=2"][..],
            "loss cannot be",
        ),
        (&["--profile", "lan", "--cc", "no-such"], "congctl no-such"),
        (&["--profile", "no-such"], "is no built-in profile"),
        (
            &["--profile", "lan", "--path", "10.1.1.1=lan"],
            "is no path",
        ),
        (&["--no-such"], "unexpected argument"),
    ] {
        let ran = lab.run(&[words, &["--client-cmd", "true"]].concat());
        assert_eq!(ran.status, 125, "{words:?}");
        assert!(ran.said.contains(expected), "{words:?}: {}", ran.said);
    }
}

fn a_lab_stays_until_it_is_taken_down() {
    let lab = Named::new("up");
    for (verb, words) in [("stats", &[][..]), ("exec", &["client", "true"])] {
        let refused = lab.output(verb, words);
        assert_eq!(refused.status.code(), Some(125));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("is up; begin one with `netlab up"), "{said}");
    }
    let up = lab.output("up", &["throttled", "--seed", "3"]);
    assert!(up.status.success(), "{up:?}");
    let status = lab
        .output("exec", &["client", "--", "sh", "-c", "exit 9"])
        .status;
    assert_eq!(status.code(), Some(9));
    let shown = lab.output("exec", &["client", "sh", "-c", "cat /etc/hosts"]);
    let hosts = String::from_utf8(shown.stdout).unwrap();
    assert!(
        hosts.contains("10.77.0.1 server hub.lab cdn.lab"),
        "{hosts}"
    );

    let counted = String::from_utf8(lab.output("stats", &[]).stdout).unwrap();
    let line = counted.lines().last().unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&json["profile"], &json["seed"]),
        (&"throttled".into(), &3.into())
    );

    // The name is taken, for either kind of lab.
    for (verb, words) in [
        ("up", &["lan"][..]),
        ("run", &["--profile", "lan", "--client-cmd", "true"]),
    ] {
        let refused = lab.output(verb, words);
        assert_eq!(refused.status.code(), Some(125));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            said.contains("is running; end it with `netlab down --name"),
            "{said}"
        );
    }
    let down = lab.output("down", &[]);
    assert!(down.status.success(), "{down:?}");
    lab.assert_gone();
    assert!(
        lab.output("down", &[]).status.success(),
        "there is nothing to do any more"
    );
}
