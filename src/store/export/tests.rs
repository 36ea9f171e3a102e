//! What comes out goes in again, and what was cut or changed does not.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    store::memory::{Fault, FaultPlan, MemoryStore},
    units::{Address, B256},
};

const NOW: UnixSeconds = UnixSeconds::new(1_767_225_600);

fn filled() -> MemoryStore {
    let store = MemoryStore::new();
    identity::begin(&store).unwrap();
    let network = identity::NetworkIdentity {
        name: "mainnet".to_owned(),
        chain_id: 1,
        block0_hash: B256::repeat_byte(1),
        registry: Address::repeat_byte(2),
        staking_registry: Address::repeat_byte(3),
    };
    identity::check_identity(&store, &network).unwrap();
    let mut batch = Batch::default();
    batch.put(
        Tree::Kept,
        b"note/mainnet\0\0\0\0\0\0\0\0\x07",
        br#"{"v":1,"r":{"b":2,"a":1.50}}"#,
    );
    batch.put(Tree::Kept, b"note/mainnet\0mainnet", "\"x\"");
    batch.put(Tree::Undo, b"\xff\0\xfe", b"\x00\x01");
    batch.put(Tree::Ledger, "0x00", "{\n}");
    store.commit(&batch).unwrap();
    store
}

fn exported(store: &MemoryStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(store, &mut bytes, NOW).unwrap();
    bytes
}

#[test]
fn an_export_reads_as_text() {
    let text = String::from_utf8(exported(&filled())).unwrap();
    insta::assert_snapshot!(text, @r#"
    {"format":"steward-export","version":1,"created_at":1767225600,"networks":["mainnet"]}
    {"tree":"meta","kind":"network/","key":"mainnet","value":{"v":1,"r":{"name":"mainnet","chain_id":1,"block0_hash":"0x0101010101010101010101010101010101010101010101010101010101010101","registry":"0x0202020202020202020202020202020202020202","staking_registry":"0x0303030303030303030303030303030303030303"}}}
    {"tree":"meta","kind":"store/","key":"","value":{"v":1,"r":{"format":1,"incarnation":1}}}
    {"tree":"kept","kind":"note/mainnet","key":"0x0000000000000007","value":{"v":1,"r":{"b":2,"a":1.50}}}
    {"tree":"kept","kind":"note/mainnet","key":"mainnet","value":"x"}
    {"tree":"undo","key":"0xff00fe","hex":"0001"}
    {"tree":"ledger","key":"0x30783030","hex":"7b0a7d"}
    {"records":6,"counts":{"derived":0,"kept":2,"ledger":1,"meta":2,"undo":1},"sha256":"7fdb50efd69bcf7629872bacc185b32f1db6d22430a89c34268dc80beb0f6c60"}
    "#);
}

#[test]
fn what_was_exported_comes_back_byte_by_byte() {
    let store = filled();
    let bytes = exported(&store);
    let made = check(bytes.as_slice()).unwrap();
    assert_eq!((made.created_at, made.records), (NOW, 6));
    assert_eq!(made.networks, ["mainnet"]);
    let other = MemoryStore::new();
    assert_eq!(import(bytes.as_slice(), &other).unwrap(), made);
    assert_eq!(exported(&other), bytes);
}

#[test]
fn an_export_cut_anywhere_is_refused() {
    let bytes = exported(&filled());
    for at in 0..bytes.len() {
        let error = check(&bytes[..at]).unwrap_err();
        assert!(
            matches!(error, ExportError::Cut { .. }),
            "cut at {at}: {error}"
        );
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for dropped in 0..lines.len() {
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != dropped);
        let rest: Vec<u8> = rest.flat_map(|(_, line)| line.iter().copied()).collect();
        check(rest.as_slice()).unwrap_err();
    }
}

#[test]
fn an_export_changed_anywhere_is_refused() {
    let bytes = exported(&filled());
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(check(changed.as_slice()).is_err(), "changed at {at}");
    }
    let more = [bytes.as_slice(), b"{}\n"].concat();
    check(more.as_slice()).unwrap_err();
}

#[test]
fn an_export_of_a_newer_steward_is_refused_as_such() {
    let text = br#"{"format":"steward-export","version":2,"more":true}
"#;
    let error = check(text.as_slice()).unwrap_err();
    assert!(
        matches!(error, ExportError::Newer { found: 2, known: 1 }),
        "{error}"
    );
    let error = check(b"{\"format\":\"x\",\"version\":1}\n".as_slice()).unwrap_err();
    assert!(error.to_string().contains("no export"), "{error}");
}

#[test]
fn only_an_empty_store_takes_an_import() {
    let store = filled();
    let bytes = exported(&store);
    let before = store.disk();
    let error = import(bytes.as_slice(), &store).unwrap_err();
    insta::assert_snapshot!(error, @"the store is not empty (there are records in meta); import into an empty data directory");
    assert_eq!(store.disk(), before);
}

#[test]
fn a_store_whose_import_did_not_end_is_not_used() {
    let store = MemoryStore::new();
    let mut batch = Batch::default();
    for row in 0..2_500_u32 {
        batch.put(Tree::Derived, row.to_be_bytes(), "1");
    }
    store.commit(&batch).unwrap();
    let bytes = exported(&store);
    for commit in [2, 3] {
        for fault in [Fault::CrashBefore, Fault::DiskFull] {
            let other = MemoryStore::new().with_fault(FaultPlan { commit, fault });
            import(bytes.as_slice(), &other).unwrap_err();
            let left = MemoryStore::on(other.disk());
            let error = identity::begin(&left).unwrap_err().to_string();
            assert!(error.contains("import"), "{error}");
        }
    }
    let cut = &bytes[..bytes.len() - 1];
    let other = MemoryStore::new();
    import(cut, &other).unwrap_err();
    identity::begin(&other).unwrap_err();
    let whole = MemoryStore::new();
    import(bytes.as_slice(), &whole).unwrap();
    assert_eq!(identity::begin(&whole).unwrap().incarnation, 1);
}

#[test]
fn a_value_that_is_null_survives() {
    let store = MemoryStore::new();
    let mut batch = Batch::default();
    batch.put(Tree::Kept, "nothing", "null");
    store.commit(&batch).unwrap();
    let other = MemoryStore::new();
    import(exported(&store).as_slice(), &other).unwrap();
    assert_eq!(
        other.read(Tree::Kept, b"nothing").unwrap().unwrap(),
        b"null"
    );
}

/// A store that changes between two pages.
#[derive(Debug)]
struct Restless(MemoryStore);

impl Store for Restless {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }
    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(tree, key)
    }
    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        if tree == Tree::Ledger {
            let mut batch = Batch::default();
            batch.put(Tree::Meta, "behind the reader", "1");
            self.0.commit(&batch)?;
        }
        self.0.scan(tree, prefix, after, limit)
    }
    fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn flush_count(&self) -> u64 {
        self.0.flush_count()
    }
}

#[test]
fn a_store_that_changes_meanwhile_gives_no_export() {
    let error = export(&Restless(filled()), Vec::new(), NOW).unwrap_err();
    assert!(matches!(error, ExportError::Changed), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_content_survives(rows in vec((0..5_usize, vec(prop_oneof![Just(0), 0x20..0x7f_u8, any::<u8>()], 0..6), prop_oneof![
        vec(any::<u8>(), 0..8),
        "[ 0-9a-z\"{}:\\[\\],\\\\]{0,6}".prop_map(String::into_bytes),
        Just(b" 1".to_vec()), Just(b"1 ".to_vec()), Just(b"null".to_vec()), Just(b"1e999".to_vec()),
        Just(b"{\"a\":1,\"a\":2}".to_vec()),
    ]), 0..20)) {
        let store = MemoryStore::new();
        let mut batch = Batch::default();
        for (tree, key, value) in rows {
            batch.put(Tree::ALL[tree], key, value);
        }
        store.commit(&batch).unwrap();
        let bytes = exported(&store);
        let other = MemoryStore::new();
        import(bytes.as_slice(), &other).unwrap();
        for tree in Tree::ALL {
            let all = |store: &MemoryStore| store.scan(tree, b"", None, usize::MAX).unwrap();
            prop_assert_eq!(all(&store), all(&other));
        }
    }
}
