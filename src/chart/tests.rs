//! Charts as people see them, and as those hear them who do not.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::units::{Round, UnixSeconds};

const NOW: u64 = 1_764_000_000;

fn at(hours: u64) -> UnixSeconds {
    UnixSeconds::new(NOW + hours * 3_600)
}

fn entry_queue() -> Chart {
    let point = |position: u64| QueuePoint {
        position,
        earliest: at(position / 8),
        expected: at(position / 4 + 1),
    };
    let our = |position: u64| OurPlace {
        position,
        expected: at(position / 4 + 1),
    };
    Chart::EntryQueue(EntryQueueChart {
        at: at(0),
        length: 240,
        points: (1..=60).map(|part| point(part * 4)).collect(),
        ours: vec![our(31), our(36), our(120)],
    })
}

fn census() -> Chart {
    let count = |day: u64| Count {
        at: at(day * 24),
        of: [0, 30_u64.saturating_sub(day), 12, 60 + day, day / 7],
    };
    // Nobody looked for four days.
    let days = (0..12).chain(16..30);
    Chart::Census(CensusChart {
        counts: days.map(count).collect(),
    })
}

fn tally(votes: u64) -> Chart {
    Chart::Tally(TallyChart {
        round: Round::new(1_204),
        votes,
        quorum: 65,
    })
}

#[test]
fn every_chart_is_told_in_words_too() {
    let charts = [entry_queue(), census(), tally(37)];
    let told: Vec<String> = charts.iter().map(Chart::alt).collect();
    assert_snapshot!(told.join("\n"), @r"
    240 attesters wait in the entry queue; position 240 is expected to become a validator on 27 Nov 2025 05:00 UTC; the first of ours at position 31 on 25 Nov 2025 00:00 UTC, the last at position 120 on 25 Nov 2025 23:00 UTC.
    Attesters by state between 24 Nov 2025 16:00 UTC and 23 Dec 2025 16:00 UTC: IN_STAKING_PROVIDER_QUEUE from 30 to 1, ROLLUP_ENTRY_QUEUE from 12 to 12, ACTIVE from 60 to 89, NO_LONGER_ACTIVE from 0 to 4.
    37 votes were cast in round 1,204; a slash needs 65.
    ");
}

#[test]
fn layouts() {
    for (name, chart) in [
        ("entry_queue", entry_queue()),
        ("census", census()),
        ("tally_below", tally(37)),
        ("tally_reached", tally(65)),
    ] {
        assert_snapshot!(name, chart.svg().unwrap());
    }
}

/// Where `STEWARD_TEST_CHARTS` names a folder, the pictures are left there for somebody to look at.
#[test]
#[expect(clippy::disallowed_methods, reason = "only the test reads it")]
fn the_same_facts_give_the_same_picture_with_ink_on_it() {
    for chart in [entry_queue(), census(), tally(64)] {
        let png = chart.png().unwrap();
        assert_eq!(png, chart.png().unwrap());
        let picture = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
        let colours: std::collections::BTreeSet<[u8; 4]> = picture
            .pixels()
            .iter()
            .map(|pixel| [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()])
            .collect();
        assert!(colours.len() > 20, "{} colours", colours.len());
        // Discord takes 10 MiB; a phone should not have to.
        assert!(png.len() < 64 * 1024, "{} bytes", png.len());
        if let Some(folder) = std::env::var_os("STEWARD_TEST_CHARTS") {
            std::fs::write(std::path::Path::new(&folder).join(chart.file_name()), &png).unwrap();
        }
    }
}

/// A family that is missing would leave the words out without a word.
#[test]
fn the_words_are_drawn() {
    let dark = |votes: u64| {
        let svg = tally(votes).svg().unwrap();
        let svg = svg.replace("<rect", "<g").replace("<polyline", "<g");
        let png = picture::png(&svg).unwrap();
        let picture = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
        picture
            .pixels()
            .iter()
            .filter(|pixel| pixel.alpha() > 128)
            .count()
    };
    assert!(dark(37) > 1_000, "{}", dark(37));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_facts_keep_a_chart_from_being_laid_out(
        from in any::<u64>(), moments in prop::collection::vec(any::<(u64, u64)>(), 0..6), votes in any::<u64>(), quorum in any::<u64>(),
    ) {
        let points = moments.iter().map(|(position, at)| QueuePoint {
            position: *position, earliest: UnixSeconds::new(*at), expected: UnixSeconds::new(at.saturating_add(9)),
        });
        let ours = moments.iter().map(|(position, at)| OurPlace { position: *position, expected: UnixSeconds::new(*at) });
        let counts = moments.iter().map(|(number, at)| Count { at: UnixSeconds::new(*at), of: [*number, 0, 1, *number, 7] });
        let charts = [
            Chart::EntryQueue(EntryQueueChart { at: UnixSeconds::new(from), length: votes, points: points.collect(), ours: ours.collect() }),
            Chart::Census(CensusChart { counts: counts.collect() }),
            Chart::Tally(TallyChart { round: Round::new(from), votes, quorum }),
        ];
        for chart in charts {
            prop_assert!(chart.svg().is_ok());
            prop_assert!(!chart.alt().is_empty() && chart.alt().chars().count() <= 1_024);
        }
    }
}
