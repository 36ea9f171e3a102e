//! Whom a canonical change leaves behind, and who waits where nobody is admitted any more.

use super::*;
use crate::{
    attester::{Membership, Standing},
    book::records::QueueEntry,
    units::{ProviderId, QueueIndex},
};

const FIRST: RollupVersion = RollupVersion::new(1);
const SECOND: RollupVersion = RollupVersion::new(2);

fn address(byte: u8) -> AttesterAddress {
    AttesterAddress::new(Address::repeat_byte(byte))
}

fn ours(reason: Reason) -> Attester {
    Attester {
        membership: Some(Membership {
            provider: ProviderId::new(7),
            queue_index: None,
            is_dripped: false,
        }),
        standing: Standing {
            stage: Stage::NoLongerActive,
            reason,
        },
        ..Attester::default()
    }
}

#[test]
fn who_stayed_on_an_earlier_rollup_is_not_told_again_by_the_next_change() {
    let mut book = Book::new("testnet");
    let stays = |rollup| ours(Reason::LeftOnRollup { rollup });
    book.attesters.put(address(1), stays(FIRST));
    book.attesters.put(address(2), stays(SECOND));
    book.attesters.put(address(3), ours(Reason::FollowsLatest));
    let mut foreign = stays(SECOND);
    foreign.membership = None;
    book.attesters.put(address(4), foreign);

    assert_eq!(left_behind(&book, Some(SECOND)), [address(2)]);
    assert_eq!(left_behind(&book, Some(FIRST)), [address(1)]);
    assert_eq!(left_behind(&book, None), []);
}

#[test]
fn those_of_ours_that_wait_to_move_with_the_latest_rollup_are_counted() {
    let mut book = Book::new("testnet");
    let entries = [
        (FIRST, 1, Some(true)),
        (FIRST, 2, Some(false)),
        (FIRST, 3, None),
        (SECOND, 4, Some(true)),
        (FIRST, 5, Some(true)),
    ];
    for (rollup, byte, moves_with_latest) in entries {
        let entry = QueueEntry {
            attester: address(byte),
            withdrawer: Address::ZERO,
            moves_with_latest,
        };
        let index = QueueIndex::new(u64::from(byte));
        book.entry_queue.put((rollup, index), entry);
        let mut waiting = ours(Reason::InProviderQueue);
        waiting.membership = waiting.membership.filter(|_| byte != 5);
        book.attesters.put(address(byte), waiting);
    }
    assert_eq!(stranded(&book, Some(FIRST)), 1);
    assert_eq!(stranded(&book, Some(SECOND)), 1);
    assert_eq!(stranded(&book, None), 0);
}
