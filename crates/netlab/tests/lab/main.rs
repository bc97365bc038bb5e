//! Real labs with real TCP in them. They need root and `/dev/net/tun`; without, they say so and end.
//!
//! This is a program of its own instead of tests for the usual harness, because it is also what runs
//! at the two ends: called with the words of `ends.rs`, it is a server or a client.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "what a test needs and has not got fails the test"
)]

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod netlab;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(status) = ends::play(&words) {
        return status.into();
    }
    if !rustix::process::geteuid().is_root() || !std::path::Path::new("/dev/net/tun").exists() {
        eprintln!("SKIPPED: labs are not tested, for that needs root and /dev/net/tun");
        return 0.into();
    }
    // The options of the usual harness mean nothing here; a word selects.
    let wanted = words.iter().find(|word| !word.starts_with('-'));
    let chosen = |name: &str| wanted.is_none_or(|wanted| name.contains(wanted.as_str()));
    for case in cases::CASES.iter().filter(|case| chosen(case.name)) {
        eprint!("lab {} ... ", case.name);
        (case.run)();
        eprintln!("ok");
    }
    0.into()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: labs are not tested, for only Linux has them");
}
