//! Maps that are cheap to clone, so that every block can keep its own state.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use steward::units::Address;

/// A first write after a clone copies this many pointers, and one part of so many.
const SHARDS: usize = 64;

/// A map whose clones share what neither side has written since; iteration is in a stable order.
#[derive(Clone)]
pub struct Shards<K, V> {
    shards: Arc<Vec<Arc<BTreeMap<K, V>>>>,
    len: usize,
}

impl<K, V> fmt::Debug for Shards<K, V> {
    /// Only the size: a world is too large to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.len)
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self {
            shards: Arc::new((0..SHARDS).map(|_| Arc::default()).collect()),
            len: 0,
        }
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Shards<K, V> {
    fn shard(key: &K) -> usize {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish() as usize % SHARDS
    }

    fn part(&mut self, key: &K) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[Self::shard(key)])
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.shards[Self::shard(key)].get(key)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.part(key).get_mut(key)
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.part(&key).insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let removed = self.part(key).remove(key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

/// A queue as the contracts have it: absolute indices from 1 that only grow.
#[derive(Clone)]
pub struct Queue<T> {
    items: Shards<u64, T>,
    pub first: u64,
    /// One past the end.
    pub last: u64,
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            items: Shards::default(),
            first: 1,
            last: 1,
        }
    }
}

impl<T: Clone> Queue<T> {
    pub fn push(&mut self, item: T) {
        self.items.insert(self.last, item);
        self.last += 1;
    }

    pub fn pop(&mut self) -> Option<T> {
        let item = self.items.remove(&self.first)?;
        self.first += 1;
        Some(item)
    }

    /// By position; 0 is the head.
    pub fn at(&self, position: u64) -> Option<&T> {
        self.at_index(self.first.checked_add(position)?)
    }

    /// By absolute index.
    pub fn at_index(&self, index: u64) -> Option<&T> {
        self.items.get(&index)
    }

    pub fn len(&self) -> u64 {
        self.last - self.first
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (self.first..self.last).filter_map(|index| self.items.get(&index))
    }
}

/// A set of addresses in the contracts' order: removal moves the last one into the gap.
#[derive(Debug, Clone, Default)]
pub struct AddressSet {
    at: Shards<u64, Address>,
    position: Shards<Address, u64>,
}

impl AddressSet {
    pub fn insert(&mut self, address: Address) -> bool {
        if self.position.contains(&address) {
            return false;
        }
        let end = self.len();
        self.at.insert(end, address);
        self.position.insert(address, end);
        true
    }

    pub fn remove(&mut self, address: Address) -> bool {
        let Some(gap) = self.position.remove(&address) else {
            return false;
        };
        let end = self.len() - 1;
        let last = self.at.remove(&end).unwrap();
        if last != address {
            self.at.insert(gap, last);
            self.position.insert(last, gap);
        }
        true
    }

    pub fn contains(&self, address: Address) -> bool {
        self.position.contains(&address)
    }

    pub fn get(&self, index: u64) -> Option<Address> {
        self.at.get(&index).copied()
    }

    pub fn len(&self) -> u64 {
        self.at.len() as u64
    }
}
