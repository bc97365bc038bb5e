//! The `netlab` command. What it does is in the library beside it, so that this file can say what
//! happens on systems that have no namespaces.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    hfast_netlab::main(std::env::args_os())
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::print_stderr, reason = "the refusal is all there is to say")]
fn main() -> ExitCode {
    eprintln!("netlab: only Linux has what it is made of; run it in a virtual machine");
    ExitCode::from(125)
}
