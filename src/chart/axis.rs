//! Where an axis has its marks, and what stands at them.

use jiff::tz::TimeZone;

use crate::units::UnixSeconds;

/// One minute, hour and day in seconds.
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Distances of marks in time that people count in.
const TIME_STEPS: [u64; 17] = [
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    60 * DAY,
    180 * DAY,
    365 * DAY,
];
/// Most marks of an axis.
const MARKS_MAX: u64 = 6;

/// An axis: where it ends, and its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) step: u64,
    pub(super) marks: Vec<u64>,
}

impl Axis {
    fn new(from: u64, to: u64, step: u64) -> Self {
        let first = from.div_ceil(step);
        let marks = (first..=to / step).map(|mark| mark.saturating_mul(step));
        Self {
            from,
            to,
            step,
            marks: marks.collect(),
        }
    }

    /// An axis of time, Unix seconds; its marks stand at whole hours and days of UTC.
    pub(super) fn time(from: UnixSeconds, to: UnixSeconds) -> Self {
        let (from, to) = (from.value(), to.value());
        let to = to.max(from.saturating_add(MINUTE));
        let span = to.saturating_sub(from);
        let fits = |step: &u64| span / step < MARKS_MAX;
        let last = 365 * DAY;
        let step = TIME_STEPS.into_iter().find(fits);
        let step = step.unwrap_or_else(|| last * (span / last).div_ceil(MARKS_MAX - 1).max(1));
        Self::new(from, to, step)
    }

    /// An axis of numbers from zero, with room for `most`.
    pub(super) fn number(most: u64) -> Self {
        let mut step: u64 = 1;
        // 1, 2, 5, 10, 20, 50 ...
        for factor in [2, 5, 10].into_iter().cycle() {
            if most.div_ceil(step) < MARKS_MAX {
                break;
            }
            let power = 10_u64.saturating_pow(step.checked_ilog10().unwrap_or_default());
            step = power.saturating_mul(factor);
        }
        let to = most.div_ceil(step).max(1).saturating_mul(step);
        Self::new(0, to, step)
    }

    /// The nearest place that is on it.
    pub(super) fn clamp(&self, place: u64) -> u64 {
        place.clamp(self.from, self.to)
    }

    /// What stands at a mark of time.
    pub(super) fn moment(&self, at: u64) -> String {
        let form = match self.step {
            step if step >= 60 * DAY => "%b %Y",
            step if step >= DAY => "%-d %b",
            _ => "%-d %b %H:%M",
        };
        UnixSeconds::new(at).written(form, TimeZone::UTC)
    }
}

/// A moment with its minute, for words.
pub(super) fn moment(at: UnixSeconds) -> String {
    at.written("%-d %b %Y %H:%M UTC", TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_marked_in_steps_that_people_count_in() {
        let steps = [0, 1, 5, 6, 37, 100, 1_234, 10_000].map(|most| Axis::number(most).step);
        assert_eq!(steps, [1, 1, 1, 2, 10, 20, 500, 2_000]);
    }

    #[test]
    fn a_day_is_marked_in_hours_and_a_month_in_days() {
        let marks = |span: u64| {
            let axis = Axis::time(
                UnixSeconds::new(1_764_000_000),
                UnixSeconds::new(1_764_000_000 + span),
            );
            let marks = axis.marks.iter().map(|mark| axis.moment(*mark));
            marks.collect::<Vec<_>>().join(", ")
        };
        insta::assert_snapshot!(marks(86_400), @"24 Nov 18:00, 25 Nov 00:00, 25 Nov 06:00, 25 Nov 12:00");
        insta::assert_snapshot!(marks(30 * 86_400), @"27 Nov, 4 Dec, 11 Dec, 18 Dec");
    }

    proptest! {
        #[test]
        fn marks_are_few_ordered_and_within_whatever_is_drawn(from in any::<u64>(), span in any::<u64>(), most in any::<u64>()) {
            let time = Axis::time(UnixSeconds::new(from), UnixSeconds::new(from.saturating_add(span)));
            for axis in [time, Axis::number(most)] {
                prop_assert!(axis.from < axis.to || axis.from == u64::MAX);
                prop_assert!(axis.marks.len() <= 8, "{axis:?}");
                prop_assert!(axis.marks.is_sorted());
                prop_assert!(axis.marks.iter().all(|mark| (axis.from..=axis.to).contains(mark)));
                prop_assert!(axis.marks.iter().all(|mark| !axis.moment(*mark).is_empty()));
            }
        }
    }
}
