//! What a header's bloom says about its block's logs.
//!
//! A bloom never hides a log: where it does not admit the watched contracts and events, there are none. Where it does,
//! there may be none nevertheless; on a full mainnet block most items are admitted by chance.

use alloy::primitives::{Bloom, BloomInput};

use super::LogFilter;
use crate::units::Bytes;

/// Bytes of a bloom (2048 bits).
const BLOOM_BYTES: usize = 256;

/// Whether a block with `bloom` can hold a log that `filter` wants; a header without a bloom rules nothing out.
#[must_use]
pub fn admits(bloom: &Bytes, filter: &LogFilter) -> bool {
    if bloom.len() != BLOOM_BYTES {
        return !filter.addresses.is_empty();
    }
    let bloom = Bloom::from_slice(bloom);
    let holds = |item: &[u8]| bloom.contains_input(BloomInput::Raw(item));
    let address = filter
        .addresses
        .iter()
        .any(|address| holds(address.as_slice()));
    address
        && (filter.topics.is_empty() || filter.topics.iter().any(|topic| holds(topic.as_slice())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::{Address, B256};

    fn bloom_of(logs: &[(Address, Vec<B256>)]) -> Bytes {
        let mut bloom = Bloom::ZERO;
        for (address, topics) in logs {
            bloom.accrue_raw_log(*address, topics);
        }
        Bytes::copy_from_slice(bloom.as_slice())
    }

    fn filter(address: Address, topics: Vec<B256>) -> LogFilter {
        LogFilter {
            addresses: vec![address],
            topics,
        }
    }

    #[test]
    fn an_empty_block_admits_nothing_and_an_absent_bloom_everything() {
        let wanted = filter(Address::repeat_byte(1), vec![]);
        assert!(!admits(&bloom_of(&[]), &wanted));
        assert!(admits(&Bytes::new(), &wanted));
        assert!(!admits(&Bytes::new(), &LogFilter::default()));
    }

    #[test]
    fn address_and_topic_must_both_be_admitted() {
        let (address, topic) = (Address::repeat_byte(1), B256::repeat_byte(2));
        let bloom = bloom_of(&[(address, vec![topic])]);
        assert!(admits(
            &bloom,
            &filter(address, vec![B256::repeat_byte(3), topic])
        ));
        assert!(!admits(
            &bloom,
            &filter(address, vec![B256::repeat_byte(3)])
        ));
        assert!(!admits(
            &bloom,
            &filter(Address::repeat_byte(4), vec![topic])
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_log_is_never_hidden(
            logs in prop::collection::vec((any::<[u8; 20]>(), prop::collection::vec(any::<[u8; 32]>(), 1..4)), 1..60),
            pick in any::<prop::sample::Index>(),
        ) {
            let logs: Vec<(Address, Vec<B256>)> = logs
                .into_iter()
                .map(|(address, topics)| (address.into(), topics.into_iter().map(B256::from).collect()))
                .collect();
            let (address, topics) = pick.get(&logs);
            prop_assert!(admits(&bloom_of(&logs), &filter(*address, vec![topics[0]])));
        }
    }
}
