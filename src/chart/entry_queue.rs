//! When each position of an entry queue becomes a validator.

use plotters::{
    element::{Circle, Polygon},
    series::LineSeries,
    style::Color as _,
};
use serde::{Deserialize, Serialize};

use super::{
    ChartError,
    axis::{Axis, moment},
    frame::{BLUE, GREEN, RED, over_time},
};
use crate::{alert::text::count, units::UnixSeconds};

/// An entry queue with its forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryQueueChart {
    /// Now, by the newest block.
    pub at: UnixSeconds,
    /// How many wait, everybody's.
    pub length: u64,
    /// Some positions from the first to the last that can be forecast, in their order.
    pub points: Vec<QueuePoint>,
    /// Ours, in their order.
    pub ours: Vec<OurPlace>,
}

/// When a position becomes a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePoint {
    /// From 1 = next.
    pub position: u64,
    /// When somebody flushes as soon as the rules allow.
    pub earliest: UnixSeconds,
    /// When somebody flushes once at the start of every epoch.
    pub expected: UnixSeconds,
}

/// A place of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OurPlace {
    /// From 1 = next.
    pub position: u64,
    /// When it is expected to become a validator.
    pub expected: UnixSeconds,
}

impl EntryQueueChart {
    pub(super) fn alt(&self) -> String {
        let wait = format!("{} attesters wait in the entry queue", count(self.length));
        let reach = self.points.last().map(|last| {
            let (position, at) = (count(last.position), moment(last.expected));
            format!("position {position} is expected to become a validator on {at}")
        });
        let ours = match (self.ours.first(), self.ours.last()) {
            (Some(first), Some(last)) if first != last => format!(
                "the first of ours at position {} on {}, the last at position {} on {}",
                count(first.position),
                moment(first.expected),
                count(last.position),
                moment(last.expected)
            ),
            (Some(only), _) => format!(
                "ours at position {} on {}",
                count(only.position),
                moment(only.expected)
            ),
            (None, _) => "none of ours can be forecast".to_owned(),
        };
        let parts: Vec<String> = [Some(wait), reach, Some(ours)]
            .into_iter()
            .flatten()
            .collect();
        format!("{}.", parts.join("; "))
    }

    pub(super) fn svg(&self) -> Result<String, ChartError> {
        let last = self.points.iter().map(|point| point.expected).max();
        let time = Axis::time(self.at, last.unwrap_or(self.at));
        let deepest = self.points.iter().map(|point| point.position).max();
        let number = Axis::number(deepest.unwrap_or(1));
        let mut legend = vec![
            ("earliest".to_owned(), GREEN),
            ("expected".to_owned(), BLUE),
        ];
        if !self.ours.is_empty() {
            legend.push(("ours".to_owned(), RED));
        }
        let title = "When a position of the entry queue becomes a validator (UTC)";
        over_time(title, &legend, (&time, &number), |plane| {
            let place =
                |at: UnixSeconds, position| (time.clamp(at.value()), number.clamp(position));
            let points = self.points.iter();
            let earliest = points.clone().map(|of| place(of.earliest, of.position));
            let expected = points.map(|of| place(of.expected, of.position));
            let between: Vec<(u64, u64)> = earliest.clone().chain(expected.clone().rev()).collect();
            plane.draw_series([Polygon::new(between, BLUE.mix(0.15))])?;
            plane.draw_series(LineSeries::new(earliest, GREEN.stroke_width(3)))?;
            plane.draw_series(LineSeries::new(expected, BLUE.stroke_width(3)))?;
            let ours = self.ours.iter().map(|of| place(of.expected, of.position));
            plane.draw_series(ours.map(|at| Circle::new(at, 6, RED.filled())))?;
            Ok(())
        })
    }
}
