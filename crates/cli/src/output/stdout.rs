//! The way to stdout, which carries data and nothing else.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use hfast::{Error, ErrorKind};

use super::text::printable;

/// Writes a line to stdout. A reader that has gone away has what it wanted.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    write(format!("{text}\n").as_bytes())
}

/// The path as it is, byte for byte, unless it goes to a terminal.
pub(crate) fn path(path: &Path) -> Result<(), Error> {
    if io::stdout().is_terminal() {
        return line(&printable(&path.to_string_lossy()));
    }
    let mut bytes = path.as_os_str().as_encoded_bytes().to_owned();
    bytes.push(b'\n');
    write(&bytes)
}

pub(crate) fn write(bytes: &[u8]) -> Result<(), Error> {
    written(io::stdout().write_all(bytes))
}

/// What became of something that was written to stdout, now that all of it is on its way.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Error> {
    match result.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Disk, "cannot write to standard output").with_source(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
