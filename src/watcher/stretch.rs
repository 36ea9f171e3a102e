//! How far a catch-up is, how fast it goes, and when it will be at the head.

use std::{collections::VecDeque, time::Duration};

use crate::units::BlockNumber;

/// Speed is that of the last minute: ranges grow and endpoints tire, so an older speed tells little.
const WINDOW_MS: u64 = 60_000;
/// Ranges may be read in milliseconds; one mark a second is enough, so a window holds 61 at most.
const MARK_EVERY_MS: u64 = 1_000;

/// How far a catch-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The block before its first one.
    pub from: BlockNumber,
    /// Read up to here.
    pub reached: BlockNumber,
    /// The head.
    pub head: BlockNumber,
    /// For how long this process has been at it.
    pub elapsed: Duration,
    /// Blocks of the last minute, and the milliseconds that they took; `None` before there is anything to measure.
    pub speed: Option<(u64, u64)>,
}

impl Stretch {
    /// Blocks from its beginning to the head.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.head.since(self.from)
    }

    /// Blocks that were read.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.reached.since(self.from)
    }

    /// The share that was read, in whole percent; never 100 before the head.
    #[must_use]
    pub const fn percent(&self) -> u64 {
        let read = self.read().saturating_mul(100);
        match read.checked_div(self.blocks()) {
            Some(percent) => percent,
            None => 100,
        }
    }

    /// Blocks a second; `None` before there is anything to measure.
    #[must_use]
    pub fn per_second(&self) -> Option<u64> {
        let (blocks, millis) = self.speed?;
        blocks.saturating_mul(1_000).checked_div(millis)
    }

    /// Time until the head at the present speed; `None` while that is unknown.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let (blocks, millis) = self.speed?;
        let missing = self.head.since(self.reached);
        let left = missing.saturating_mul(millis).checked_div(blocks)?;
        Some(Duration::from_millis(left))
    }
}

/// Measures a catch-up. It is kept in memory only: forgetting it costs a minute's knowledge of the speed.
#[derive(Debug)]
pub(super) struct Pace {
    from: BlockNumber,
    began_ms: u64,
    marks: VecDeque<(u64, BlockNumber)>,
    last: Option<Stretch>,
}

impl Pace {
    /// Goes on after the block `at` with a catch-up that began after the block `from`.
    pub(super) fn new(from: BlockNumber, at: BlockNumber, now_ms: u64) -> Self {
        Self {
            from,
            began_ms: now_ms,
            marks: VecDeque::from([(now_ms, at)]),
            last: None,
        }
    }

    /// What was measured last; `None` before the first range.
    pub(super) const fn last(&self) -> Option<Stretch> {
        self.last
    }

    /// Takes note that everything up to `reached` was read.
    pub(super) fn note(&mut self, reached: BlockNumber, head: BlockNumber, now_ms: u64) -> Stretch {
        let is_old = |mark: &(u64, BlockNumber)| now_ms.saturating_sub(mark.0) > WINDOW_MS;
        // The oldest mark is the last one before the window, so that a slow range is measured whole.
        while self.marks.get(1).is_some_and(is_old) {
            self.marks.pop_front();
        }
        let speed = self.marks.front().and_then(|(at_ms, block)| {
            let (blocks, millis) = (reached.since(*block), now_ms.saturating_sub(*at_ms));
            (blocks > 0 && millis > 0).then_some((blocks, millis))
        });
        let last = self.marks.back().map_or(0, |(at_ms, _)| *at_ms);
        if now_ms.saturating_sub(last) >= MARK_EVERY_MS {
            self.marks.push_back((now_ms, reached));
        }
        let stretch = Stretch {
            from: self.from,
            reached,
            head,
            elapsed: Duration::from_millis(now_ms.saturating_sub(self.began_ms)),
            speed,
        };
        self.last = Some(stretch);
        stretch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn block(number: u64) -> BlockNumber {
        BlockNumber::new(number)
    }

    #[test]
    fn speed_and_time_left_are_those_of_the_last_minute() {
        let mut pace = Pace::new(block(1_000), block(1_000), 0);
        assert_eq!(pace.note(block(1_000), block(11_000), 0).left(), None);
        let first = pace.note(block(2_000), block(11_000), 10_000);
        assert_eq!((first.percent(), first.per_second()), (10, Some(100)));
        assert_eq!(first.left(), Some(Duration::from_secs(90)));
        // Ten times slower from here on: after a good minute the old speed is forgotten.
        let mut last = first;
        for second in 11..=80 {
            last = pace.note(
                block(2_000 + (second - 10) * 10),
                block(11_000),
                second * 1_000,
            );
        }
        assert_eq!(last.per_second(), Some(10));
        assert_eq!(last.elapsed, Duration::from_secs(80));
        assert!(pace.marks.len() <= 63, "{}", pace.marks.len());
    }

    #[test]
    fn many_small_ranges_leave_few_marks() {
        let mut pace = Pace::new(block(0), block(0), 0);
        for tick in 1..100_000 {
            pace.note(block(tick), block(1_000_000), tick * 5);
        }
        assert!(pace.marks.len() <= 63, "{}", pace.marks.len());
    }
}
