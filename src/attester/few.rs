//! Lists that hold one or two.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// A list that takes exactly the space of what is in it.
///
/// A life has one stake and one place in a queue, and a fleet has many lives: a `Vec` keeps room for four of each, which is
/// most of what an attester would take in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Few<T>(Box<[T]>);

impl<T> Few<T> {
    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends.
    pub fn push(&mut self, item: T) {
        self.change(|list| {
            list.reserve_exact(1);
            list.push(item);
        });
    }

    /// Keeps what `stays` says.
    pub fn retain(&mut self, stays: impl FnMut(&T) -> bool) {
        self.change(|list| list.retain(stays));
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.0 = Box::default();
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<T>)) {
        let mut list = std::mem::take(&mut self.0).into_vec();
        change(&mut list);
        self.0 = list.into_boxed_slice();
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(list: Vec<T>) -> Self {
        Self(list.into_boxed_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_list_holds_and_looks_like_one_on_disk() {
        let mut few = Few::default();
        few.push(1);
        few.push(2);
        few.push(3);
        few.retain(|number| *number != 2);
        assert_eq!(few, Few::from(vec![1, 3]));
        let text = serde_json::to_string(&few).unwrap();
        assert_eq!(text, "[1,3]");
        assert_eq!(serde_json::from_str::<Few<i32>>(&text).unwrap(), few);
        few.clear();
        assert!(few.is_empty());
    }
}
