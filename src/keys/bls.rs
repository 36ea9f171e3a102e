//! Tells whether 32 bytes can be a public BLS key: a compressed point of BN254's G1.
//!
//! The highest bit carries the sign of y, the rest is x, and x has to be below the field's modulus with x³ + 3 a
//! square. About half of all private keys fail that, so in a file of many a private key does not hide.

use crate::units::{B256, U256};

/// Modulus of the field that BN254's G1 lives over.
const FIELD_MODULUS: U256 = U256::from_limbs([
    0x3c20_8c16_d87c_fd47,
    0x9781_6a91_6871_ca8d,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
]);

/// The bit that carries the sign of y.
const SIGN_BIT: usize = 255;

/// Whether `key` is a compressed point.
pub(super) fn is_compressed_point(key: B256) -> bool {
    let mut x = U256::from_be_bytes(key.0);
    x.set_bit(SIGN_BIT, false);
    if x >= FIELD_MODULUS {
        return false;
    }
    let cube = x.mul_mod(x, FIELD_MODULUS).mul_mod(x, FIELD_MODULUS);
    is_square(cube.add_mod(U256::from(3), FIELD_MODULUS))
}

/// Whether `value` is a square modulo the field's modulus (Jacobi symbol, which needs no exponentiation).
fn is_square(value: U256) -> bool {
    let (mut top, mut bottom) = (value, FIELD_MODULUS);
    let mut is_plus = true;
    let low = |number: U256, bits: u64| number.as_limbs().first().copied().unwrap_or(0) % bits;
    while !top.is_zero() {
        let twos = top.trailing_zeros();
        top >>= twos;
        if twos % 2 == 1 && matches!(low(bottom, 8), 3 | 5) {
            is_plus = !is_plus;
        }
        if low(top, 4) == 3 && low(bottom, 4) == 3 {
            is_plus = !is_plus;
        }
        (top, bottom) = (bottom % top, top);
    }
    // The modulus is prime: the remainder is 1, or the whole modulus when the value was 0, which is a square.
    is_plus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_of_known_private_keys_are_points() {
        for key in [
            "0x0000000000000000000000000000000000000000000000000000000000000001",
            "0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3",
            "0x8769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0",
            "0x9fd9bf9c6c9fc892f0b4f856657cd9309f43e2f1cfa3ed4724c40bd74ea13803",
            "0x8000000000000000000000000000000000000000000000000000000000000001",
        ] {
            assert!(is_compressed_point(key.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn about_half_of_all_other_numbers_are_none() {
        let points = (1..=1000_u64)
            .filter(|number| is_compressed_point(B256::from(U256::from(*number))))
            .count();
        assert!((400..600).contains(&points), "{points}");
        assert!(!is_compressed_point(B256::from(FIELD_MODULUS)));
        assert!(!is_compressed_point(B256::repeat_byte(0xff)));
    }
}
