//! The size of the terminal that stderr leads to.

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// What the terminal says; else `stated` (`COLUMNS`), else what terminals have always had.
pub(crate) fn size(stated: Option<u16>) -> Size {
    let asked = ask();
    let columns = asked
        .map(|(columns, _)| columns)
        .filter(|columns| *columns > 0);
    let rows = asked.map(|(_, rows)| rows).filter(|rows| *rows > 0);
    Size {
        columns: columns.or(stated).unwrap_or(80).into(),
        rows: rows.unwrap_or(24).into(),
    }
}

#[cfg(unix)]
fn ask() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    Some((size.ws_col, size.ws_row))
}

#[cfg(not(unix))]
fn ask() -> Option<(u16, u16)> {
    None
}
