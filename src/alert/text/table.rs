//! Tables: monospace for a message, CSV for a file.

use unicode_segmentation::UnicodeSegmentation;

use crate::alert::{
    card::Attachment,
    fit::{TABLE_ROWS_MAX, TABLE_WIDTH_MAX, cut},
    render::clean::clean,
};

/// Columns that a message shows; the file holds all of them.
const COLUMNS_MAX: usize = 4;
/// Spaces between columns.
const GAP: usize = 2;
/// Bytes of a file: half of what Discord takes at least (10 MiB), so that two fit into a request.
const FILE_MAX: usize = 5 * 1024 * 1024;

/// The first rows and columns, laid out within the width of a table.
#[must_use]
pub fn monospace(columns: &[String], rows: &[Vec<String>]) -> String {
    let count = columns.len().min(COLUMNS_MAX);
    let mut lines: Vec<Vec<String>> = Vec::new();
    for row in std::iter::once(columns).chain(rows.iter().take(TABLE_ROWS_MAX).map(Vec::as_slice)) {
        let cell = |index: usize| row.get(index).map(|cell| clean(cell)).unwrap_or_default();
        lines.push((0..count).map(cell).collect());
    }
    let widths = widths(&lines, count);
    let lay = |line: &Vec<String>| {
        let mut out = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let cell = cut(cell, *width);
            let space = width.saturating_sub(visible(&cell)) + GAP;
            out.push_str(&cell);
            out.push_str(&" ".repeat(space));
        }
        out.trim_end().to_owned()
    };
    lines.iter().map(lay).collect::<Vec<_>>().join("\n")
}

/// As wide as the widest cell; where that is too much together, the widest columns give way.
fn widths(lines: &[Vec<String>], count: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..count)
        .map(|index| {
            let cells = lines.iter().filter_map(|line| line.get(index));
            cells
                .map(|cell| visible(cell))
                .max()
                .unwrap_or(0)
                .min(TABLE_WIDTH_MAX)
        })
        .collect();
    let room = TABLE_WIDTH_MAX.saturating_sub(GAP * count.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        if let Some(widest) = widths.iter_mut().max() {
            *widest -= 1;
        }
    }
    widths
}

fn visible(text: &str) -> usize {
    text.graphemes(true).count()
}

/// All of it as a file. A cell that a spreadsheet would run is led by an apostrophe.
#[must_use]
pub fn file(name: &str, columns: &[String], rows: &[Vec<String>]) -> Attachment {
    let mut text = String::new();
    push_line(&mut text, columns);
    for (index, row) in rows.iter().enumerate() {
        if text.len() > FILE_MAX {
            let left = rows.len().saturating_sub(index);
            push_line(&mut text, &[format!("… {left} more rows are not shown")]);
            break;
        }
        push_line(&mut text, row);
    }
    Attachment {
        name: format!("{name}.csv"),
        text,
    }
}

fn push_line(text: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let cell = clean(cell);
        let is_formula = cell.starts_with(['=', '+', '-', '@']);
        let cell = if is_formula { format!("'{cell}") } else { cell };
        if cell.contains([',', '"', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_table_stays_within_its_width_and_rows() {
        let columns = row(&["attester", "host", "deadline", "note", "hidden"]);
        let wide = row(&["x".repeat(90).as_str(), "fra-2", "2 h", "👨‍👩‍👧‍👦", "no"]);
        let text = monospace(&columns, &vec![wide; 40]);
        assert_eq!(text.lines().count(), TABLE_ROWS_MAX + 1);
        assert!(
            text.lines()
                .all(|line| line.graphemes(true).count() <= TABLE_WIDTH_MAX)
        );
        assert!(!text.contains("hidden"));
        assert_eq!(monospace(&[], &[]), "");
    }

    #[test]
    fn a_file_runs_nothing_and_keeps_its_columns() {
        let file = file("x", &row(&["a", "b"]), &[row(&["=1+1", "say \"hi\", you"])]);
        insta::assert_snapshot!(file.text, @r#"
    a,b
    '=1+1,"say ""hi"", you"
    "#);
    }
}
