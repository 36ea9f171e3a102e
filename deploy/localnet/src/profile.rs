//! The parameters a rollup is deployed with, as the environment variables that its deployment script reads
//! (source: `script/deploy/RollupConfiguration.sol` and `DeploymentConfiguration.sol`).

use alloy::primitives::U256;
use anyhow::{Context as _, Result};

/// A named set of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Short and small, so that a whole life fits into a second: slots of 12 s, 4 slots in an epoch,
    /// committees of 4, a bootstrap set of 6.
    #[default]
    Small,
    /// Mainnet's times with a bootstrap set of 6 and committees of 4: a life at mainnet's pace with few actors.
    Demo,
    /// The values of Aztec's mainnet in 2026, except that governance unlocks after 3732 s and not after 9.6 days
    /// (the script has no variable for that).
    Mainnet,
}

/// 10^18: the staking asset has 18 decimals.
macro_rules! tokens {
    ($whole:literal) => {
        concat!($whole, "000000000000000000")
    };
}

impl Profile {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Demo => "demo",
            Self::Mainnet => "mainnet",
        }
    }

    /// The environment of the deployment script. Amounts are in the smallest unit, durations in seconds.
    pub fn environment(self) -> Vec<(&'static str, &'static str)> {
        let mut environment = COMMON.to_vec();
        environment.extend_from_slice(match self {
            Self::Small => SMALL,
            Self::Demo => DEMO,
            Self::Mainnet => MAINNET,
        });
        environment
    }

    /// One of its variables, as a number; an address is one too.
    pub(crate) fn number(self, name: &str) -> Result<U256> {
        let environment = self.environment();
        let (_, value) = environment
            .iter()
            .find(|(one, _)| *one == name)
            .with_context(|| format!("the profile has no {name}"))?;
        value
            .parse()
            .with_context(|| format!("{name} is {value}, which is no number"))
    }
}

const COMMON: &[(&str, &str)] = &[
    ("NETWORK", "local"),
    ("AZTEC_ACTIVATION_THRESHOLD", tokens!("200000")),
    ("AZTEC_EJECTION_THRESHOLD", tokens!("100000")),
    ("AZTEC_LOCAL_EJECTION_THRESHOLD", tokens!("190000")),
    ("AZTEC_ENTRY_QUEUE_BOOTSTRAP_FLUSH_SIZE", "4"),
    ("AZTEC_ENTRY_QUEUE_FLUSH_SIZE_MIN", "1"),
    ("AZTEC_ENTRY_QUEUE_FLUSH_SIZE_QUOTIENT", "400"),
    ("AZTEC_ENTRY_QUEUE_MAX_FLUSH_SIZE", "4"),
    ("AZTEC_SLASHER_FLAVOR", "tally"),
    ("AZTEC_SLASHER_ENABLED", "true"),
    ("AZTEC_SLASHING_ROUND_SIZE_IN_EPOCHS", "4"),
    ("AZTEC_SLASHING_OFFSET_IN_ROUNDS", "2"),
    (
        "AZTEC_SLASHING_VETOER",
        "0x0000000000000000000000000000000000000000",
    ),
    ("AZTEC_SLASH_AMOUNT_SMALL", tokens!("2000")),
    ("AZTEC_SLASH_AMOUNT_MEDIUM", tokens!("5000")),
    ("AZTEC_SLASH_AMOUNT_LARGE", tokens!("5000")),
    ("AZTEC_INBOX_LAG", "2"),
    ("AZTEC_PROOF_SUBMISSION_EPOCHS", "1"),
    ("AZTEC_LAG_IN_EPOCHS_FOR_VALIDATOR_SET", "2"),
    ("AZTEC_LAG_IN_EPOCHS_FOR_RANDAO", "1"),
    ("AZTEC_MANA_TARGET", "75000000"),
    ("AZTEC_PROVING_COST_PER_MANA", "12500000"),
    ("AZTEC_INITIAL_ETH_PER_FEE_ASSET", "9512195"),
    ("AZTEC_GOVERNANCE_PROPOSER_ROUND_SIZE", "100"),
];

const SMALL: &[(&str, &str)] = &[
    ("AZTEC_SLOT_DURATION", "12"),
    ("AZTEC_EPOCH_DURATION", "4"),
    ("AZTEC_TARGET_COMMITTEE_SIZE", "4"),
    ("AZTEC_EXIT_DELAY_SECONDS", "3600"),
    ("AZTEC_ENTRY_QUEUE_BOOTSTRAP_VALIDATOR_SET_SIZE", "6"),
    ("AZTEC_SLASHING_LIFETIME_IN_ROUNDS", "5"),
    ("AZTEC_SLASHING_EXECUTION_DELAY_IN_ROUNDS", "2"),
    ("AZTEC_SLASHING_DISABLE_DURATION", "432000"),
];

const DEMO: &[(&str, &str)] = &[
    ("AZTEC_SLOT_DURATION", "72"),
    ("AZTEC_EPOCH_DURATION", "32"),
    ("AZTEC_TARGET_COMMITTEE_SIZE", "4"),
    ("AZTEC_EXIT_DELAY_SECONDS", "345600"),
    ("AZTEC_ENTRY_QUEUE_BOOTSTRAP_VALIDATOR_SET_SIZE", "6"),
    ("AZTEC_SLASHING_LIFETIME_IN_ROUNDS", "34"),
    ("AZTEC_SLASHING_EXECUTION_DELAY_IN_ROUNDS", "28"),
    ("AZTEC_SLASHING_DISABLE_DURATION", "259200"),
];

const MAINNET: &[(&str, &str)] = &[
    ("AZTEC_SLOT_DURATION", "72"),
    ("AZTEC_EPOCH_DURATION", "32"),
    ("AZTEC_TARGET_COMMITTEE_SIZE", "48"),
    ("AZTEC_EXIT_DELAY_SECONDS", "345600"),
    ("AZTEC_ENTRY_QUEUE_BOOTSTRAP_VALIDATOR_SET_SIZE", "500"),
    ("AZTEC_SLASHING_LIFETIME_IN_ROUNDS", "34"),
    ("AZTEC_SLASHING_EXECUTION_DELAY_IN_ROUNDS", "28"),
    ("AZTEC_SLASHING_DISABLE_DURATION", "259200"),
];
