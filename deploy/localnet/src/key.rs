//! The keys of one sequencer, derived from a number so that every run of a test has the same addresses.

use alloy::primitives::{Address, B256, keccak256};
use anyhow::{Context as _, Result};
use k256::ecdsa::SigningKey;

use crate::bls::BlsKey;
use crate::contracts::{KeyStore, Signature};

/// A sequencer: the key it signs with, which gives its address, and its BLS key.
#[derive(Debug, Clone)]
pub struct Key {
    /// The address of the sequencer, called *attester* by the contracts.
    pub attester: Address,
    /// Its BLS key.
    pub bls: BlsKey,
    /// The secret behind `attester`, for keystores of tests.
    pub attester_secret: B256,
    /// The secret behind `bls`, to be taken modulo the group's order.
    pub bls_secret: B256,
    signing_key: SigningKey,
}

impl Key {
    /// The sequencer with this number. The same number gives the same keys, on every machine.
    pub fn from_index(index: u64) -> Result<Self> {
        let (attester_secret, bls_secret) = (secret("attester", index), secret("bls", index));
        let signing_key = SigningKey::from_slice(attester_secret.as_slice())
            .with_context(|| format!("deriving the signing key of attester {index}"))?;
        let point = signing_key.verifying_key().to_encoded_point(false);
        // The point is 0x04 and two coordinates; the address is the tail of the hash of the coordinates.
        let hash = keccak256(point.as_bytes().get(1..).unwrap_or_default());
        Ok(Self {
            attester: Address::from_word(hash),
            bls: BlsKey::from_secret(bls_secret),
            attester_secret,
            bls_secret,
            signing_key,
        })
    }

    /// The sequencers with the numbers `first` to `first + count - 1`.
    pub fn range(first: u64, count: u64) -> Result<Vec<Self>> {
        (first..first.saturating_add(count))
            .map(Self::from_index)
            .collect()
    }

    /// The same sequencer with the BLS key of another: the GSE refuses whichever comes second.
    #[must_use]
    pub fn with_bls_of(mut self, other: &Self) -> Self {
        self.bls = other.bls.clone();
        self.bls_secret = other.bls_secret;
        self
    }

    /// The same sequencer with a proof of possession that proves nothing (it is the public key itself).
    #[must_use]
    pub fn with_bad_proof(mut self) -> Self {
        self.bls.proof_of_possession = self.bls.public_key_g1.clone();
        self
    }

    /// The form that a provider adds to its queue.
    pub fn key_store(&self) -> KeyStore {
        KeyStore {
            attester: self.attester,
            publicKeyG1: self.bls.public_key_g1.clone(),
            publicKeyG2: self.bls.public_key_g2.clone(),
            proofOfPossession: self.bls.proof_of_possession.clone(),
        }
    }

    /// Signs a 32-byte digest as Ethereum does.
    pub fn sign(&self, digest: B256) -> Result<Signature> {
        let (signature, recovery) = self
            .signing_key
            .sign_prehash_recoverable(digest.as_slice())
            .context("signing a digest")?;
        let (r, s) = signature.split_bytes();
        Ok(Signature {
            v: 27 + recovery.to_byte(),
            r: B256::from_slice(&r),
            s: B256::from_slice(&s),
        })
    }
}

fn secret(role: &str, index: u64) -> B256 {
    keccak256(format!("steward localnet {role} {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_sequencer_and_another_number_another() -> Result<()> {
        let (one, again, two) = (
            Key::from_index(1)?,
            Key::from_index(1)?,
            Key::from_index(2)?,
        );
        assert_eq!((one.attester, &one.bls), (again.attester, &again.bls));
        assert_ne!(one.attester, two.attester);
        assert_ne!(one.bls, two.bls);
        Ok(())
    }
}
