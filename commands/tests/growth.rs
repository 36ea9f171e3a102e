//! The chart of `docs/PERFORMANCE.md` shows what its table says.

use std::{fs, path::Path};

use plotters::{coord::Shift, prelude::*, style::text_anchor};

/// A row of the table: what, and a number for each fleet.
type Row = (String, Vec<f64>);

/// A colour for each row, which the colour-blind tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(32, 33, 36),
];
/// The diagonal: what grows as the fleet does.
const FAINT: RGBColor = RGBColor(189, 193, 198);

/// The table between the marks: the sizes of the fleets, then each row.
fn table(page: &str) -> (Vec<f64>, Vec<Row>) {
    let (_, rest) = page.split_once("<!-- growth: begin -->").unwrap();
    let (text, _) = rest.split_once("<!-- growth: end -->").unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let mut rows = rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |cell: &&str| {
            let digits = cell.split_whitespace().next().unwrap().replace(',', "");
            digits.parse::<f64>().unwrap()
        };
        let numbers: Vec<f64> = cells[1..].iter().map(number).collect();
        (cells[0].to_owned(), numbers)
    });
    let (_, fleets) = rows.next().unwrap();
    (fleets, rows.collect())
}

/// A row as multiples of its first number.
fn growth(fleets: &[f64], numbers: &[f64]) -> Vec<(f64, f64)> {
    let ratio = numbers.iter().map(|number| number / numbers[0]);
    fleets.iter().copied().zip(ratio).collect()
}

/// The names, the most grown first, to the right of the lines.
fn legend(sheet: &DrawingArea<SVGBackend<'_>, Shift>, fleets: &[f64], rows: &[Row]) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| {
        let last = |place: &usize| growth(fleets, &rows[*place].1).last().unwrap().1;
        last(b).total_cmp(&last(a))
    });
    let left = text_anchor::Pos::new(text_anchor::HPos::Left, text_anchor::VPos::Center);
    let entries = order
        .iter()
        .map(|place| (rows[*place].0.replace('`', ""), COLOURS[*place]));
    let entries = entries.chain([("the fleet itself".to_owned(), FAINT)]);
    for (line, (name, colour)) in entries.enumerate() {
        let top = 70 + 28 * i32::try_from(line).unwrap();
        sheet
            .draw(&Circle::new((608, top), 5, colour.filled()))
            .unwrap();
        let name = Text::new(name, (622, top), words(15).pos(left));
        sheet.draw(&name).unwrap();
    }
}

fn words(size: i32) -> TextStyle<'static> {
    ("sans-serif", size)
        .into_font()
        .color(&RGBColor(60, 64, 67))
}

/// How much more each costs with a larger fleet, both axes in powers of ten.
fn drawn(fleets: &[f64], rows: &[Row]) -> String {
    let first = fleets[0];
    let most = fleets.last().unwrap() / first;
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, (880, 560)).into_drawing_area();
        sheet.fill(&WHITE).unwrap();
        let words = |size: i32| {
            ("sans-serif", size)
                .into_font()
                .color(&RGBColor(60, 64, 67))
        };
        let mut plane = ChartBuilder::on(&sheet)
            .caption("How many times as much as with 10 attesters", words(20))
            .margin(16)
            .margin_right(290)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (first..*fleets.last().unwrap()).log_scale(),
                (0.5..most).log_scale(),
            )
            .unwrap();
        plane
            .configure_mesh()
            .disable_mesh()
            .x_desc("attesters")
            .x_label_formatter(&|number| format!("{number:.0}"))
            .y_label_formatter(&|times| format!("{times:.0}"))
            .label_style(words(15))
            .draw()
            .unwrap();
        let even: Vec<(f64, f64)> = fleets.iter().map(|fleet| (*fleet, fleet / first)).collect();
        plane
            .draw_series(LineSeries::new(even, FAINT.stroke_width(1)))
            .unwrap();
        for ((_, numbers), colour) in rows.iter().zip(COLOURS) {
            let line = growth(fleets, numbers);
            let dots = line.iter().map(|at| Circle::new(*at, 4, colour.filled()));
            plane.draw_series(dots).unwrap();
            plane
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                .unwrap();
        }
        legend(&sheet, fleets, rows);
        sheet.present().unwrap();
    }
    svg
}

/// Goal: nobody draws it by hand. Method: it is drawn from the table here, and must be what lies in the folder;
/// `UPDATE_DOCS=1` puts it there.
#[test]
fn the_chart_of_growth_is_drawn_from_its_table() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let (fleets, rows) = table(&fs::read_to_string(docs.join("PERFORMANCE.md")).unwrap());
    assert_eq!(rows.len(), 7, "each row has its colour");
    let svg = drawn(&fleets, &rows);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(docs.join("growth.svg"), &svg).unwrap();
    }
    let kept = fs::read_to_string(docs.join("growth.svg")).unwrap_or_default();
    assert!(
        kept == svg,
        "docs/growth.svg is outdated: run UPDATE_DOCS=1 cargo test growth"
    );
}
