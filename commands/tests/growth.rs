//! The chart of `docs/PERFORMANCE.md` shows what its table says.

use std::{fs, path::Path};

use plotters::{prelude::*, style::text_anchor};

/// A row of the table: what, and a number for each fleet.
type Row = (String, Vec<f64>);

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

/// How much more each costs with a larger fleet, both axes in powers of ten.
fn drawn(fleets: &[f64], rows: &[Row]) -> String {
    let colours = [
        RGBColor(0, 114, 178),
        RGBColor(230, 159, 0),
        RGBColor(0, 158, 115),
        RGBColor(213, 94, 0),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(32, 33, 36),
    ];
    let first = fleets[0];
    let growth = |numbers: &[f64]| -> Vec<(f64, f64)> {
        let ratio = numbers.iter().map(|number| number / numbers[0]);
        fleets.iter().copied().zip(ratio).collect()
    };
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
            .label_style(words(15))
            .draw()
            .unwrap();
        let even: Vec<(f64, f64)> = fleets.iter().map(|fleet| (*fleet, fleet / first)).collect();
        let faint = RGBColor(189, 193, 198);
        plane
            .draw_series(LineSeries::new(even, faint.stroke_width(1)))
            .unwrap();
        for ((_, numbers), colour) in rows.iter().zip(colours) {
            let line = growth(numbers);
            let dots = line.iter().map(|at| Circle::new(*at, 4, colour.filled()));
            plane.draw_series(dots).unwrap();
            plane
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                .unwrap();
        }
        // The legend, the most grown first.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| {
            let last = |place: &usize| *growth(&rows[*place].1).last().map(|(_, of)| of).unwrap();
            last(b).total_cmp(&last(a))
        });
        let left = text_anchor::Pos::new(text_anchor::HPos::Left, text_anchor::VPos::Center);
        let entries = order
            .iter()
            .map(|place| (rows[*place].0.replace('`', ""), colours[*place]));
        let entries = entries.chain([("the fleet itself".to_owned(), faint)]);
        for (line, (name, colour)) in entries.enumerate() {
            let top = 70 + 28 * i32::try_from(line).unwrap();
            sheet
                .draw(&Circle::new((608, top), 5, colour.filled()))
                .unwrap();
            sheet
                .draw(&Text::new(name, (622, top), words(15).pos(left)))
                .unwrap();
        }
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
