//! Views of contracts: the call, and what came back.

use alloy::sol_types::{SolCall, SolValue};

use crate::{
    chain::{Call, CallAnswer},
    units::{Address, Bytes},
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

/// ABI-encodes a value, for the worlds of the tests.
#[must_use]
pub fn encoded<V: SolValue>(value: &V) -> Bytes {
    Bytes::from(value.abi_encode())
}
