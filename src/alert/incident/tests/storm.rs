//! The judge against many at once.

use super::*;

fn fleet(count: u16, rungs: &[&str]) -> Vec<Finding> {
    let one = |index: u16| {
        let mut bytes = [0x12; 20];
        bytes[18..].copy_from_slice(&index.to_be_bytes());
        let attester = AttesterAddress::new(bytes.into());
        missing_of(attester, &format!("{:#x}", attester.address()), rungs)
    };
    (0..count).map(one).collect()
}

#[test]
fn a_storm_is_one_incident_with_all_of_it_in_a_file() {
    let mut world = World::new();
    world.find(&[missing(1, &[])]);
    let mut storm = fleet(2_000, &[]);
    storm.push(missing(1, &[]));
    let told = world.find(&storm);
    assert_eq!(
        ids(&told),
        ["*/coinbase_missing/1"],
        "the one that is open stays"
    );
    let file = &told[0].message.attachments[0];
    assert_eq!(file.text.lines().count(), 2_001);
    assert_eq!(world.find(&storm), []);
    insta::assert_snapshot!(crate::alert::text::fixtures::show(&told[0].message), @r"
    (Testnet · Provider 7)
    🟠 2,000 attesters have no coinbase
    All on host fra-2. Once they validate, their rewards go to the node's default address.
    Set the coinbases that the attached file names, and reload the keystores.
    What to check and do: [runbook](https://docs.test/OPERATING.md#coinbase_missing)
    · <t:1795233600:R> opened
    How many: 2,000
    First deadline: <t:1795333600:R> (<t:1795333600:f>)
    Incident: opened <t:1795233600:R>
    (Acknowledge) (Snooze 1 h) (Snooze 8 h) (Snooze until changed) (Why)
    _ iyhxf · testnet/*/coinbase_missing/1 · steward 0.1.0
    ```
    attester  host   deadline              configured
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    fra-2/18  fra-2  2026-11-22 07:46 UTC  none
    ```
    + coinbase_missing.csv (2001 lines)
    ");

    storm.truncate(3);
    assert_eq!(
        ids(&world.find(&storm)),
        [A1, "*/coinbase_missing/1"],
        "a group stays a group"
    );
    assert_eq!(ids(&world.find(&[])), ["*/coinbase_missing/1"]);
}

#[test]
fn a_group_tells_a_rung_for_further_members_at_most_hourly() {
    let mut world = World::new();
    let mut storm = fleet(20, &[]);
    world.find(&storm);
    let crossed = fleet(20, &["7d"]);
    storm[0] = crossed[0].clone();
    assert_eq!(
        ids(&world.find(&storm)),
        ["*/coinbase_missing/1", "*/coinbase_missing/1/7d"]
    );
    storm[1] = crossed[1].clone();
    world.now += 1_800;
    assert_eq!(world.find(&storm), [], "half an hour later");
    storm[2] = crossed[2].clone();
    world.now += 1_800;
    let told = world.find(&storm);
    assert_eq!(
        ids(&told),
        ["*/coinbase_missing/1", "*/coinbase_missing/1/7d-2"]
    );
    assert!(content(&told[1].message).unwrap().contains("for 2 of them"));
    assert_eq!(world.find(&storm), []);
}

#[test]
fn a_group_keeps_members_of_whom_nobody_can_tell() {
    let mut world = World::new();
    let storm = fleet(20, &[]);
    world.find(&storm);
    world
        .unknown
        .insert((Class::CoinbaseMissing, "fra-2".to_owned()));
    assert_eq!(world.find(&[]), []);
    assert_eq!(world.find(&storm[..3]), []);
    assert_eq!(world.only().subject, GROUP);
}
