//! How many validators an epoch admits (`StakingQueueConfig`); it has no getter, only a storage word and an event.

use serde::{Deserialize, Serialize};

use crate::units::{B256, U256};

/// `StakingQueueConfig` of a rollup.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Validators below which the set is not bootstrapped; zero switches the bootstrap gate off.
    pub bootstrap_validator_set_size: u64,
    /// Validators admitted an epoch while bootstrapping.
    pub bootstrap_flush_size: u64,
    /// Least admitted an epoch.
    pub normal_flush_size_min: u64,
    /// Active validators per admitted one.
    pub normal_flush_size_quotient: u64,
    /// Most admitted an epoch.
    pub max_queue_flush_size: u64,
}

/// Storage slot of the packed queue configuration: `keccak256("aztec.core.staking.storage")` + 4 on v2 to v4, + 5 on v5.
#[must_use]
pub fn queue_config_slot(offset: u64) -> B256 {
    let base = U256::from_be_bytes(alloy::primitives::keccak256("aztec.core.staking.storage").0);
    B256::from(base.wrapping_add(U256::from(offset)))
}

/// Reads the packed queue configuration (five `uint32`); `None` where the word cannot be one (a quotient or maximum of zero).
#[must_use]
pub fn unpack_queue_config(word: B256) -> Option<QueueConfig> {
    let word = U256::from_be_bytes(word.0);
    if word >> 160 != U256::ZERO {
        return None;
    }
    let part = |shift: usize| u64::try_from((word >> shift) & U256::from(u32::MAX)).ok();
    let config = QueueConfig {
        bootstrap_validator_set_size: part(128)?,
        bootstrap_flush_size: part(96)?,
        normal_flush_size_min: part(64)?,
        normal_flush_size_quotient: part(32)?,
        max_queue_flush_size: part(0)?,
    };
    (config.normal_flush_size_quotient > 0 && config.max_queue_flush_size > 0).then_some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_configuration_is_read_from_its_storage_word() {
        assert_eq!(
            queue_config_slot(0),
            "0xbba4a4d3c3eeb229c4f06863ce3d3d8cddab9e4dee538d785fc67e2ed9d68cad"
                .parse::<B256>()
                .unwrap()
        );
        let word =
            "0x000000000000000000000000000001f4000000040000000100000190000000 04".replace(' ', "");
        let config = unpack_queue_config(word.parse().unwrap()).unwrap();
        assert_eq!(
            (
                config.bootstrap_validator_set_size,
                config.bootstrap_flush_size
            ),
            (500, 4)
        );
        assert_eq!(config.normal_flush_size_quotient, 400);
        assert_eq!(unpack_queue_config(B256::ZERO), None);
    }
}
