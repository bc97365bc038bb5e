//! `hfast completions`: the script that teaches a shell the command line.

use clap_complete::Shell;
use hfast::Error;

use crate::flags::definition;
use crate::output::stdout;

pub(crate) fn print(shell: Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "hfast", &mut script);
    stdout::write(&script)
}
