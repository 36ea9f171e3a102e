//! Views of contracts: the call, and what came back.

use alloy::sol_types::{SolCall, SolValue};

use super::abi::SlashingProposer;
use crate::{
    chain::{Call, CallAnswer},
    units::{Address, Bytes, U256},
};

/// Multicall3, at the same address on every chain.
pub const MULTICALL3: Address =
    alloy::primitives::address!("cA11bde05977b3631167028862bE2a173976CA11");

/// A call of a contract's view.
#[must_use]
pub fn call<C: SolCall>(to: Address, call: &C) -> Call {
    Call {
        to,
        data: Bytes::from(call.abi_encode()),
    }
}

/// Why a view has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    /// The contract reverted.
    #[error("the view reverted")]
    Reverted(Bytes),
    /// No contract lives there, or it answers something else.
    #[error("the view's answer does not fit: {0}")]
    Malformed(String),
}

/// Reads the answer to `C`.
///
/// # Errors
/// [`ViewFault`] where the contract reverted or answered something else.
pub fn answer<C: SolCall>(answer: &CallAnswer) -> Result<C::Return, ViewFault> {
    match answer {
        CallAnswer::Returned(bytes) => {
            C::abi_decode_returns(bytes).map_err(|error| ViewFault::Malformed(error.to_string()))
        }
        CallAnswer::Reverted(bytes) => Err(ViewFault::Reverted(bytes.clone())),
    }
}

/// Reads the answer to `SlashingProposer.getRound`: whether the round was executed, and its votes.
///
/// v2 says between the two whether the round is ready to be executed; later releases leave that to a view of its own.
///
/// # Errors
/// As [`answer`].
pub fn answer_round(raw: &CallAnswer) -> Result<(bool, U256), ViewFault> {
    // Three words against two.
    const WITH_READINESS_BYTES: usize = 3 * 32;
    match raw {
        CallAnswer::Returned(bytes) if bytes.len() == WITH_READINESS_BYTES => {
            <(bool, bool, U256)>::abi_decode_params(bytes)
                .map(|(is_executed, _, votes)| (is_executed, votes))
                .map_err(|error| ViewFault::Malformed(error.to_string()))
        }
        _ => answer::<SlashingProposer::getRoundCall>(raw)
            .map(|round| (round.isExecuted, round.voteCount)),
    }
}

/// ABI-encodes a value, for the worlds of the tests.
#[must_use]
pub fn encoded<V: SolValue>(value: &V) -> Bytes {
    Bytes::from(value.abi_encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_read_in_the_form_of_every_release() {
        let votes = U256::from(65);
        let read = |bytes: Bytes| answer_round(&CallAnswer::Returned(bytes));
        let v2 = Bytes::from((false, true, votes).abi_encode_params());
        assert_eq!(read(v2), Ok((false, votes)));
        let v3 = Bytes::from((true, votes).abi_encode_params());
        assert_eq!(read(v3), Ok((true, votes)));
        assert!(matches!(
            read(Bytes::from_static(&[1])),
            Err(ViewFault::Malformed(_))
        ));
        let reverted = CallAnswer::Reverted(Bytes::new());
        assert_eq!(
            answer_round(&reverted),
            Err(ViewFault::Reverted(Bytes::new()))
        );
    }
}
