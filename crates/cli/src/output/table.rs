//! Rows of text in columns. Pure.

use super::text::{fit, padded, width};

/// The least that the first column is shortened to.
const SHORTEST: usize = 12;

/// A line for the head and for each row. Where that is wider than `columns`, the first column loses its middle.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    columns: Option<usize>,
) -> Vec<String> {
    let mut widths = head.map(width);
    for row in rows {
        for (own, cell) in widths.iter_mut().zip(row) {
            *own = (*own).max(width(cell));
        }
    }
    let rest: usize = widths.iter().skip(1).map(|width| width + 2).sum();
    if let (Some(columns), Some(first)) = (columns, widths.first_mut()) {
        *first = (*first).min(columns.saturating_sub(rest).max(SHORTEST));
    }
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths);
        let cells = cells.map(|(cell, columns)| padded(&fit(cell, columns), columns));
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    let texts = |row: &'_ [String; N]| line(row.each_ref().map(String::as_str));
    std::iter::once(line(head))
        .chain(rows.iter().map(texts))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_gives_way() {
        let rows = [
            ["org/a-model-with-a-long-name".to_owned(), "3.1M".to_owned()],
            ["权重".to_owned(), "12B".to_owned()],
        ];
        let wide = table(["NAME", "SIZE"], &rows, None);
        assert_eq!(wide[1], "org/a-model-with-a-long-name  3.1M");
        assert_eq!(wide[2], format!("权重{}  12B", " ".repeat(24)));
        let narrow = table(["NAME", "SIZE"], &rows, Some(20));
        assert_eq!(narrow[1], "org...ong-name  3.1M");
        assert!(narrow.iter().all(|line| width(line) <= 20), "{narrow:#?}");
    }
}
