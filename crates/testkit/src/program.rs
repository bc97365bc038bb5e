//! How the programs of the test kit begin: with their help, or with arguments that make sense.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What `parse` makes of the command line. Where there is nothing to do but to print the help, or
/// to say on stderr that an argument is wrong, that is done, and the exit code is returned.
pub fn arguments<T>(
    help: &str,
    parse: impl FnOnce(Vec<OsString>) -> Result<T, String>,
) -> Result<T, ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        let printed = std::io::stdout().write_all(help.as_bytes());
        return Err(printed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS));
    }
    parse(words).map_err(|message| {
        let told = writeln!(std::io::stderr(), "error: {message}; see --help");
        // There is nowhere else to say it.
        drop(told);
        ExitCode::from(2)
    })
}
