//! The BLS keys of a sequencer on BN254, as the GSE wants them: a public key in both groups and a proof of possession.
//!
//! Pure arithmetic. Deterministic keys for a local chain: never use them where money is.

use alloy::primitives::{B256, U256, keccak256};
use alloy::sol_types::SolValue as _;
use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr as _, CurveGroup as _};
use ark_ff::{BigInteger as _, Field as _, PrimeField as _};

use crate::contracts::{G1Point, G2Point};

/// Separates proofs of possession from everything else that is hashed to the curve (source: `BN254Lib.sol`).
const PROOF_OF_POSSESSION_DOMAIN: &[u8] = b"AZTEC_BLS_POP_BN254_V1";

/// The public half of a BLS key, with the proof that somebody holds the secret half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlsKey {
    /// secret · G1, by which the GSE knows the key.
    pub public_key_g1: G1Point,
    /// secret · G2; `x0` and `y0` are the parts without `i`.
    pub public_key_g2: G2Point,
    /// secret · H(public key in G1).
    pub proof_of_possession: G1Point,
}

impl BlsKey {
    /// The key of a secret scalar (taken modulo the group's order).
    pub fn from_secret(secret: B256) -> Self {
        let secret = Fr::from_be_bytes_mod_order(secret.as_slice());
        let public_key = (G1Affine::generator() * secret).into_affine();
        let proof = registration_digest(&public_key) * secret;
        Self {
            public_key_g1: g1_point(&public_key),
            public_key_g2: g2_point(&(G2Affine::generator() * secret).into_affine()),
            proof_of_possession: g1_point(&proof.into_affine()),
        }
    }
}

/// The curve point that the holder of a key multiplies to prove possession (source: `GSE.getRegistrationDigest`).
fn registration_digest(public_key: &G1Affine) -> G1Projective {
    let point = g1_point(public_key);
    let message = [point.x.to_be_bytes::<32>(), point.y.to_be_bytes::<32>()].concat();
    let mut domain = [0_u8; 32];
    for (to, from) in domain.iter_mut().zip(PROOF_OF_POSSESSION_DOMAIN) {
        *to = *from;
    }
    let hash = |attempt: U256| {
        keccak256(
            (
                B256::from(domain),
                alloy::primitives::Bytes::from(message.clone()),
                attempt,
            )
                .abi_encode_params(),
        )
    };
    // Half of all field elements are the x of a point, so this ends after two attempts on average.
    let mut attempt = U256::ZERO;
    let (x, root) = loop {
        let candidate = U256::from_be_bytes(hash(attempt).0);
        attempt += U256::ONE;
        if let Some(x) = base_field(candidate)
            && let Some(root) = (x * x * x + Fq::from(3_u64)).sqrt()
        {
            break (x, root);
        }
    };
    let (low, high) = if root <= -root {
        (root, -root)
    } else {
        (-root, root)
    };
    let wants_low = hash(U256::MAX).0.last().is_some_and(|byte| byte & 1 == 0);
    G1Affine::new_unchecked(x, if wants_low { low } else { high }).into()
}

/// The field element of this value, unless the value is not below the field's order.
fn base_field(value: U256) -> Option<Fq> {
    let element = Fq::from_be_bytes_mod_order(&value.to_be_bytes::<32>());
    (number(&element) == value).then_some(element)
}

fn number(element: &Fq) -> U256 {
    U256::from_be_slice(&element.into_bigint().to_bytes_be())
}

fn g1_point(point: &G1Affine) -> G1Point {
    G1Point {
        x: number(&point.x),
        y: number(&point.y),
    }
}

fn g2_point(point: &G2Affine) -> G2Point {
    G2Point {
        x0: number(&point.x.c0),
        x1: number(&point.x.c1),
        y0: number(&point.y.c0),
        y1: number(&point.y.c1),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::uint;

    use super::*;

    fn key(secret: u64) -> BlsKey {
        BlsKey::from_secret(B256::from(U256::from(secret)))
    }

    uint! {
    #[test]
    fn the_key_of_secret_one_is_the_generators_and_its_proof_is_the_digest() {
        let key = key(1);
        assert_eq!(key.public_key_g1, G1Point { x: 1_U256, y: 2_U256 });
        assert_eq!(key.public_key_g2, G2Point {
            x0: 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed_U256,
            x1: 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2_U256,
            y0: 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa_U256,
            y1: 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b_U256,
        });
        assert_eq!(key.proof_of_possession, G1Point {
            x: 0x26d7110c7dfa9bf7bb2559863bf3a1a9d7f78fa5b2dda0c679cbf5771db0fd7e_U256,
            y: 0x102ca5656650e08eefac00918df70b3e16297df3175d4018f750d1676c925de3_U256,
        });
    }

    #[test]
    fn the_key_of_secret_two_is_what_the_contract_accepts() {
        let key = key(2);
        assert_eq!(key.public_key_g1, G1Point {
            x: 0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3_U256,
            y: 0x15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4_U256,
        });
        assert_eq!(key.public_key_g2, G2Point {
            x0: 0x27dc7234fd11d3e8c36c59277c3e6f149d5cd3cfa9a62aee49f8130962b4b3b9_U256,
            x1: 0x203e205db4f19b37b60121b83a7333706db86431c6d835849957ed8c3928ad79_U256,
            y0: 0x04bb53b8977e5f92a0bc372742c4830944a59b4fe6b1c0466e2a6dad122b5d2e_U256,
            y1: 0x195e8aa5b7827463722b8c153931579d3505566b4edf48d498e185f0509de152_U256,
        });
        assert_eq!(key.proof_of_possession, G1Point {
            x: 0x2db3a53002225a67783a079a1b91057faa1f60b1acdaf7d499d969042936319c_U256,
            y: 0x029c1302622ae4f5f2f10015c8d8dd467f13a36938c07d135e31025ef2106db6_U256,
        });
    }

    #[test]
    fn a_proof_takes_the_larger_root_when_the_hash_is_odd() {
        assert_eq!(key(0xdead_beef).proof_of_possession, G1Point {
            x: 0x2133288c971b2bea3acfb699c6abe2366f6e53543ee03675962ece1540c54f54_U256,
            y: 0x0fb982c7d95fb0a0a3f42491ff403d99f71e6914d7d7e82ebd9aa2dd7273ffb4_U256,
        });
    }
    }
}
