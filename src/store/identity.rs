//! What a store is and whose: its version, how often it was opened, and the identity of each network in it.
//!
//! Two networks are told apart by what cannot be configured away: chain id, hash of L1 block 0, registry and staking
//! registry. A store never serves a network that differs from the one it was filled from.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Batch, Store, StoreError, Tree,
    table::{Journal, Record, Table, decode_record},
};
use crate::units::{Address, B256};

/// Version of the layout of the whole store: trees, keys, and which kinds of records there are.
pub const FORMAT: u32 = 1;

/// What the store knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreMeta {
    /// Version of the layout, see [`FORMAT`].
    pub format: u32,
    /// How many times a service has begun to use this store. A lease carries it: holding the store's lock proves that the
    /// holder of any lease of an earlier incarnation is dead.
    pub incarnation: u64,
}

impl Record for StoreMeta {
    const KIND: &'static str = "store";
    const TREE: Tree = Tree::Meta;
    type Key = ();
}

/// What tells one network from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkIdentity {
    /// Our name of the network.
    pub name: String,
    /// Chain id of the L1 (`eth_chainId`).
    pub chain_id: u64,
    /// Hash of the L1's block 0.
    pub block0_hash: B256,
    /// Aztec's `Registry`.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
}

impl Record for NetworkIdentity {
    const KIND: &'static str = "network";
    const TREE: Tree = Tree::Meta;
    type Key = String;
}

/// Present as long as an import is under way; it stays behind when the import does not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImportUnderWay {}

impl Record for ImportUnderWay {
    const KIND: &'static str = "import";
    const TREE: Tree = Tree::Meta;
    type Key = ();
}

/// Why a store cannot serve a network.
#[derive(Debug, Error)]
pub enum IdentityFault {
    /// It was filled from another one.
    #[error(
        "the store was filled from a network {network} whose {what} is {stored}, but the configuration leads to {wanted}; \
         correct the configuration, or start with an empty data directory"
    )]
    Different {
        /// Our name of the network.
        network: String,
        /// What differs.
        what: &'static str,
        /// The value in the store.
        stored: String,
        /// The value that the configuration leads to.
        wanted: String,
    },
    /// The store cannot be read or written.
    #[error("the identity of the network cannot be compared")]
    Store(#[from] StoreError),
}

/// Begins to use the store as a service: checks its version and commits the next incarnation.
///
/// # Errors
/// [`StoreError::Newer`] where a newer steward laid it out, [`StoreError::Damaged`] where an import did not end, and
/// whatever the store reports.
pub fn begin(store: &dyn Store) -> Result<StoreMeta, StoreError> {
    let mut table = Table::<StoreMeta>::new("");
    let known = meta(store)?;
    let incarnation = known.map_or(0, |meta| meta.incarnation).saturating_add(1);
    let meta = StoreMeta {
        format: FORMAT,
        incarnation,
    };
    table.put((), meta.clone());
    commit(store, &mut table)?;
    Ok(meta)
}

/// What the store knows of itself, read without beginning anything; `None` for a store that was never used.
///
/// # Errors
/// As [`begin`].
pub fn meta(store: &dyn Store) -> Result<Option<StoreMeta>, StoreError> {
    if !Table::<ImportUnderWay>::load("", store)?.is_empty() {
        return Err(StoreError::Damaged(
            "an import into it did not end; remove the data directory and import again".to_owned(),
        ));
    }
    let key = Table::<StoreMeta>::new("").disk_key(&());
    let Some(bytes) = store.read(Tree::Meta, &key)? else {
        return Ok(None);
    };
    let meta: StoreMeta = decode_record(&key, &bytes)?;
    if meta.format > FORMAT {
        return Err(StoreError::Newer {
            found: meta.format,
            known: FORMAT,
        });
    }
    Ok(Some(meta))
}

/// The networks of this store, by name.
///
/// # Errors
/// Whatever the store reports.
pub fn networks(store: &dyn Store) -> Result<Vec<NetworkIdentity>, StoreError> {
    let table = Table::<NetworkIdentity>::load("", store)?;
    Ok(table.rows().map(|(_, network)| network.clone()).collect())
}

/// Compares a network with what the store was filled from; a network that is new to the store is recorded.
///
/// # Errors
/// [`IdentityFault::Different`] with both values, [`IdentityFault::Store`] where the store fails.
pub fn check_identity(store: &dyn Store, wanted: &NetworkIdentity) -> Result<(), IdentityFault> {
    let mut table = Table::<NetworkIdentity>::load("", store)?;
    let Some(stored) = table.row(&wanted.name) else {
        table.put(wanted.name.clone(), wanted.clone());
        return Ok(commit(store, &mut table)?);
    };
    let pairs = [
        (
            "chain id",
            stored.chain_id.to_string(),
            wanted.chain_id.to_string(),
        ),
        (
            "hash of block 0",
            stored.block0_hash.to_string(),
            wanted.block0_hash.to_string(),
        ),
        (
            "registry",
            stored.registry.to_string(),
            wanted.registry.to_string(),
        ),
        (
            "staking registry",
            stored.staking_registry.to_string(),
            wanted.staking_registry.to_string(),
        ),
    ];
    match pairs
        .into_iter()
        .find(|(_, stored, wanted)| stored != wanted)
    {
        None => Ok(()),
        Some((what, stored, wanted_value)) => Err(IdentityFault::Different {
            network: wanted.name.clone(),
            what,
            stored,
            wanted: wanted_value,
        }),
    }
}

fn commit(store: &dyn Store, table: &mut dyn Journal) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    table.drain(&mut batch, None)?;
    store.commit(&batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{memory::MemoryStore, table::encode_record};

    fn mainnet() -> NetworkIdentity {
        NetworkIdentity {
            name: "mainnet".to_owned(),
            chain_id: 1,
            block0_hash: B256::repeat_byte(0xd4),
            registry: Address::repeat_byte(0x35),
            staking_registry: Address::repeat_byte(0x04),
        }
    }

    #[test]
    fn every_start_is_a_new_incarnation() {
        let store = MemoryStore::new();
        assert_eq!(meta(&store).unwrap(), None);
        assert_eq!(begin(&store).unwrap().incarnation, 1);
        let store = MemoryStore::on(store.disk());
        assert_eq!(begin(&store).unwrap().incarnation, 2);
        assert_eq!(meta(&store).unwrap().unwrap().incarnation, 2);
    }

    #[test]
    fn a_store_of_a_newer_layout_is_refused() {
        let store = MemoryStore::new();
        let mut batch = Batch::default();
        let newer = br#"{"v":1,"r":{"format":2,"incarnation":9}}"#;
        batch.put(Tree::Meta, "store/\0", newer.as_slice());
        store.commit(&batch).unwrap();
        let error = begin(&store).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1 }));
        assert!(store.read(Tree::Meta, b"store/\0").unwrap().unwrap() == newer);
    }

    #[test]
    fn a_network_is_recorded_once_and_then_compared_in_every_part() {
        let store = MemoryStore::new();
        check_identity(&store, &mainnet()).unwrap();
        check_identity(&store, &mainnet()).unwrap();
        assert_eq!(store.flush_count(), 1, "a comparison writes nothing");
        let mut testnet = mainnet();
        testnet.name = "testnet".to_owned();
        testnet.chain_id = 11_155_111;
        check_identity(&store, &testnet).unwrap();
        assert_eq!(networks(&store).unwrap(), [mainnet(), testnet]);

        let mut others = [mainnet(), mainnet(), mainnet(), mainnet()];
        others[0].chain_id = 31_337;
        others[1].block0_hash = B256::ZERO;
        others[2].registry = Address::ZERO;
        others[3].staking_registry = Address::ZERO;
        for (other, part) in others
            .iter()
            .zip(["chain id", "block 0", "registry", "staking"])
        {
            let error = check_identity(&store, other).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(networks(&store).unwrap()[0], mainnet());
    }

    #[test]
    fn a_refusal_names_both_values_and_the_way_out() {
        let store = MemoryStore::new();
        check_identity(&store, &mainnet()).unwrap();
        let mut fork = mainnet();
        fork.chain_id = 31_337;
        insta::assert_snapshot!(check_identity(&store, &fork).unwrap_err(), @"the store was filled from a network mainnet whose chain id is 1, but the configuration leads to 31337; correct the configuration, or start with an empty data directory");
    }

    #[test]
    fn the_forms_on_disk_stay_as_they_are() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let meta = StoreMeta {
            format: 1,
            incarnation: 7,
        };
        insta::assert_snapshot!(text(encode_record(&meta).unwrap()), @r#"{"v":1,"r":{"format":1,"incarnation":7}}"#);
        insta::assert_snapshot!(text(encode_record(&mainnet()).unwrap()), @r#"{"v":1,"r":{"name":"mainnet","chain_id":1,"block0_hash":"0xd4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4","registry":"0x3535353535353535353535353535353535353535","staking_registry":"0x0404040404040404040404040404040404040404"}}"#);
    }
}
