//! The form on disk, and that what is left out comes back.

use super::*;
use crate::{
    book::{fold::Ours, question::Question},
    chain::contracts::Event,
    store::table::encode_record,
    units::{Address, AttesterAddress, ProviderId, RollupVersion, Wei},
};

const ROLLUP: RollupVersion = RollupVersion::new(1);

fn attester(byte: u8) -> AttesterAddress {
    AttesterAddress::new(Address::repeat_byte(byte))
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::with_last_byte(u8::try_from(number).unwrap()),
    }
}

fn ours() -> Ours {
    Ours {
        providers: [ProviderId::new(3)].into(),
        listed: std::sync::Arc::new([attester(1)].into()),
    }
}

fn seen(number: u64) -> Seen {
    Seen {
        event: Event::Slashed {
            rollup: ROLLUP,
            attester: attester(1),
            amount: Wei::ZERO,
        },
        block: block(number),
        at: UnixSeconds::new(number * 12),
        transaction: B256::with_last_byte(9),
        log_index: 4,
    }
}

fn snapshot(length: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let length = Answer::Number(length);
    snapshot.insert(Question::QueueLength { rollup: ROLLUP }, Ok(length));
    let bootstrapped = Question::IsBootstrapped { rollup: ROLLUP };
    snapshot.insert(bootstrapped, Ok(Answer::Flag(true)));
    let view = |byte| Question::FollowsLatest {
        gse: Address::repeat_byte(8),
        attester: attester(byte),
    };
    snapshot.insert(view(1), Ok(Answer::Flag(true)));
    snapshot.insert(view(2), Ok(Answer::Flag(false)));
    snapshot
}

fn sight<'a>(number: u64, seen: &'a [Seen], snapshot: &'a Snapshot) -> Sight<'a> {
    Sight {
        at: At {
            block: block(number),
            at: UnixSeconds::new(number * 12),
        },
        parent: block(number - 1).hash,
        found: None,
        seen,
        unknown: &[],
        log_count: u64::try_from(seen.len()).unwrap(),
        log_digest: digest(&[]),
        views: Some((snapshot, false)),
        mode: Mode::Head,
    }
}

fn text(observed: &Observed) -> String {
    String::from_utf8(encode_record(observed).unwrap()).unwrap()
}

#[test]
fn the_form_on_disk_stays() {
    let mut memo = Memo::default();
    let news = News {
        attesters: [attester(1)].into(),
        ..News::default()
    };
    let seen = [seen(7)];
    let (first, second) = (snapshot(2), snapshot(3));
    let forms = [
        memo.note(
            Some(&ours()),
            false,
            &Noted::Range(block(6), UnixSeconds::new(72), &[]),
            None,
        ),
        memo.note(
            Some(&ours()),
            true,
            &Noted::Block(&sight(7, &seen, &first), block(6), &news),
            None,
        ),
        memo.note(
            Some(&ours()),
            false,
            &Noted::Block(&sight(8, &[], &second), block(7), &News::default()),
            None,
        ),
        memo.note(None, false, &Noted::Unwound(&[block(8), block(7)]), None),
        memo.note(None, false, &Noted::Final(BlockNumber::new(5)), None),
        memo.note(
            None,
            false,
            &Noted::Skipped(BlockNumber::new(4), block(3), UnixSeconds::new(36)),
            None,
        ),
        memo.note(None, false, &Noted::Learned(&Vec::new()), None),
    ];
    insta::assert_snapshot!(forms.iter().map(text).collect::<Vec<_>>().join("\n"), @r#"
    {"v":1,"r":{"ours":{"providers":[3],"listed":["0x0101010101010101010101010101010101010101"]},"what":{"range":{"end":{"number":6,"hash":"0x0000000000000000000000000000000000000000000000000000000000000006"},"at":72}}}}
    {"v":1,"r":{"whole":true,"ours":{"providers":[3],"listed":["0x0101010101010101010101010101010101010101"]},"what":{"block":{"block":{"number":7,"hash":"0x0000000000000000000000000000000000000000000000000000000000000007"},"at":84,"logs":[[{"number":7,"hash":"0x0000000000000000000000000000000000000000000000000000000000000007"},84,[["0x0000000000000000000000000000000000000000000000000000000000000009",[[4,{"event":"slashed","rollup":1,"attester":"0x0101010101010101010101010101010101010101","amount":"0x0"}]]]]]],"held":[1,"0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],"views":{"said":[[{"queue_length":{"rollup":1}},{"number":2}],[{"is_bootstrapped":{"rollup":1}},{"flag":true}],[{"follows_latest":{"gse":"0x0808080808080808080808080808080808080808","attester":"0x0101010101010101010101010101010101010101"}},{"flag":true}]]}}}}}
    {"v":1,"r":{"what":{"block":{"block":{"number":8,"hash":"0x0000000000000000000000000000000000000000000000000000000000000008"},"at":96,"views":{"said":[[{"queue_length":{"rollup":1}},{"number":3}]]}}}}}
    {"v":1,"r":{"what":{"unwound":[8,7]}}}
    {"v":1,"r":{"what":{"final":5}}}
    {"v":1,"r":{"what":{"skipped":{"held":4,"before":{"number":3,"hash":"0x0000000000000000000000000000000000000000000000000000000000000003"},"at":36}}}}
    {"v":1,"r":{"what":{"learned":[]}}}
    "#);
}

/// The second block says only what differs from the first, and is read with all of it; views that were no news are gone.
#[test]
fn what_a_record_leaves_out_comes_back() {
    let (mut memo, mut reader) = (Memo::default(), Memo::default());
    let news = News::default();
    let (first, second) = (snapshot(2), snapshot(3));
    for (number, snapshot) in [(7, &first), (8, &second), (9, &second)] {
        let sight = sight(number, &[], snapshot);
        let noted = Noted::Block(&sight, block(number - 1), &news);
        let bytes = encode_record(&memo.note(Some(&ours()), number == 7, &noted, None)).unwrap();
        let observed: Observed = decode_record(b"", &bytes).unwrap();
        let Observation::Block(look) = reader.read(observed) else {
            panic!("no block");
        };
        assert_eq!(reader.ours(), &ours());
        let (said, _) = look.views.unwrap();
        let told = |snapshot: &Snapshot| snapshot.number(&Question::QueueLength { rollup: ROLLUP });
        assert_eq!(told(&said), told(snapshot));
        assert_eq!(said.answers().count(), 2);
    }
    assert_eq!(reader.said, memo.said);
}

#[test]
fn each_record_is_chained_to_those_before_it() {
    let one = Recorded::default().with(b"a", true).with(b"b", false);
    let other = Recorded::default().with(b"b", false).with(b"a", true);
    assert_eq!((one.count, one.whole, one.bytes), (2, 0, 2));
    assert_eq!(other.whole, 1);
    assert_ne!(one.digest, other.digest);
    let progress = serde_json::to_string(&one).unwrap();
    insta::assert_snapshot!(progress, @r#"{"count":2,"whole":0,"bytes":2,"digest":"0xabccbe9b24d2bbd3aa1360d605147a841dd051130131c6929d6004e1ae4796e8"}"#);
}
