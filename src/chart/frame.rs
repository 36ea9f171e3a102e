//! What all charts look like: paper, title, legend, axes.

use std::io;

use plotters::backend::SVGBackend;
use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{
        Shift,
        cartesian::Cartesian2d,
        combinators::{BindKeyPoints as _, WithKeyPoints},
        types::RangedCoordu64,
    },
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _},
    element::{Rectangle, Text},
    style::{Color as _, RGBColor, TextStyle, text_anchor},
};

use super::{ChartError, axis::Axis};
use crate::alert::text::count;

/// The family of the font in `font`.
pub(super) const FONT_FAMILY: &str = "Inter Medium";
/// Size of a picture with axes; Discord shows it at about half of that.
const SIZE: (u32, u32) = (880, 440);
/// Signs at axes and in the legend.
const TEXT_SIZE: i32 = 19;
/// Signs of the title.
const TITLE_SIZE: i32 = 22;
/// Height of title and legend.
const HEAD: u32 = 84;

/// White: a picture is read on dark and on light pages, and brings its own paper.
const PAPER: RGBColor = RGBColor(255, 255, 255);
pub(super) const INK: RGBColor = RGBColor(32, 33, 36);
const FAINT: RGBColor = RGBColor(95, 99, 104);
const GRID: RGBColor = RGBColor(223, 225, 229);
/// Colours that the colour-blind tell apart (Okabe and Ito).
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const RED: RGBColor = RGBColor(213, 94, 0);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);

pub(super) type Fault = DrawingAreaErrorKind<io::Error>;
pub(super) type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Ranged = WithKeyPoints<RangedCoordu64>;
/// Where lines are drawn: seconds to the right, numbers upwards.
pub(super) type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Ranged, Ranged>>;

/// An entry of a legend.
pub(super) type Entry = (String, RGBColor);

/// Draws on a sheet of this size.
pub(super) fn sheet(
    size: (u32, u32),
    draw: impl FnOnce(&Sheet<'_>) -> Result<(), Fault>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = sheet
            .fill(&PAPER)
            .and_then(|()| draw(&sheet))
            .and_then(|()| sheet.present());
        drawn.map_err(|error| ChartError::Layout(error.to_string()))?;
    }
    Ok(svg)
}

/// Draws lines over time, below a title and a legend.
pub(super) fn over_time(
    title: &str,
    legend: &[Entry],
    (time, number): (&Axis, &Axis),
    draw: impl FnOnce(&mut Plane<'_, '_>) -> Result<(), Fault>,
) -> Result<String, ChartError> {
    sheet(SIZE, |sheet| {
        head(sheet, title, legend)?;
        let ranged = |axis: &Axis| (axis.from..axis.to).with_key_points(axis.marks.clone());
        let mut plane = ChartBuilder::on(sheet)
            .margin_top(HEAD)
            .margin_right(36)
            .margin_left(8)
            .margin_bottom(8)
            .x_label_area_size(38)
            .y_label_area_size(76)
            .build_cartesian_2d(ranged(time), ranged(number))?;
        plane
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(GRID.mix(0.0))
            .axis_style(FAINT)
            .label_style(text(TEXT_SIZE, FAINT))
            .x_label_formatter(&|at| time.moment(*at))
            .y_label_formatter(&|number| count(*number))
            .draw()?;
        draw(&mut plane)
    })
}

fn head(sheet: &Sheet<'_>, title: &str, legend: &[Entry]) -> Result<(), Fault> {
    words(sheet, title, (16, 14), TITLE_SIZE, INK)?;
    let mut left = 16;
    for (name, colour) in legend {
        let square = Rectangle::new([(left, 52), (left + 14, 66)], colour.filled());
        sheet.draw(&square)?;
        words(sheet, name, (left + 20, 49), TEXT_SIZE, FAINT)?;
        left += 44 + width(name, TEXT_SIZE);
    }
    Ok(())
}

/// Writes, with the upper left corner at a place.
pub(super) fn words(
    sheet: &Sheet<'_>,
    words: &str,
    at: (i32, i32),
    size: i32,
    colour: RGBColor,
) -> Result<(), Fault> {
    sheet.draw(&Text::new(words.to_owned(), at, text(size, colour)))
}

pub(super) fn text(size: i32, colour: RGBColor) -> TextStyle<'static> {
    let mut style = TextStyle::from((FONT_FAMILY, size));
    style.color = colour.to_backend_color();
    style.pos = text_anchor::Pos::new(text_anchor::HPos::Left, text_anchor::VPos::Top);
    style
}

/// Width of a line in pixels, as good as a legend needs it: 0.62 of the size for each sign.
fn width(text: &str, size: i32) -> i32 {
    let signs = i32::try_from(text.chars().count()).unwrap_or_default();
    signs.saturating_mul(size).saturating_mul(62) / 100
}
