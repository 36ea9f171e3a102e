//! Addresses as people write them.
//!
//! One rule for configuration, keys files and commands: `0x` and 40 hex digits, checksummed (EIP-55) where the case is
//! mixed, never the zero address. A fault never repeats the text: what stands where an address belongs may be a secret.

use thiserror::Error;

use super::Address;

/// Hex digits of an address.
const ADDRESS_DIGITS: usize = 40;

/// Hex digits of 32 bytes: a private key, a hash, or an address of Aztec's own layer.
const WORD_DIGITS: usize = 64;

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// No `0x` in front.
    #[error("does not begin with 0x")]
    Prefix,
    /// Something else than hex digits.
    #[error("holds characters that are no hex digits")]
    Digits,
    /// 32 bytes, which is the length of a private key; with or without `0x`.
    #[error("has 32 bytes, the length of a private key; an address has 20")]
    Word,
    /// Another length than 20 bytes.
    #[error("has {digits} hex digits; an address has 40")]
    Length {
        /// How many there are.
        digits: usize,
    },
    /// Mixed case that does not fit EIP-55.
    #[error("has a wrong checksum (EIP-55), so a character of it is wrong")]
    Checksum,
    /// The zero address.
    #[error("is the zero address")]
    Zero,
}

/// Reads an address as a person wrote it.
///
/// # Errors
/// The first rule that the text breaks.
pub fn parse(text: &str) -> Result<Address, AddressFault> {
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = prefixed.unwrap_or(text);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if prefixed.is_none() && !(is_hex && digits.len() == WORD_DIGITS) {
        return Err(AddressFault::Prefix);
    }
    if !is_hex {
        return Err(AddressFault::Digits);
    }
    match digits.len() {
        ADDRESS_DIGITS => (),
        WORD_DIGITS => return Err(AddressFault::Word),
        other => return Err(AddressFault::Length { digits: other }),
    }
    let has_upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
    let address = if has_upper && has_lower {
        Address::parse_checksummed(format!("0x{digits}"), None).ok()
    } else {
        digits.parse().ok()
    };
    let address = address.ok_or(AddressFault::Checksum)?;
    if address.is_zero() {
        return Err(AddressFault::Zero);
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUMMED: &str = "0x35b22e09Ee0390539439E24f06Da43D83f90e298";

    #[test]
    fn lower_upper_and_checksummed_forms_are_the_same_address() {
        let lower = CHECKSUMMED.to_lowercase();
        let upper = CHECKSUMMED.to_uppercase();
        let address = parse(CHECKSUMMED).unwrap();
        assert_eq!(parse(&lower), Ok(address));
        assert_eq!(parse(&upper), Ok(address));
        assert_eq!(address.to_checksum(None), CHECKSUMMED);
    }

    #[test]
    fn every_broken_rule_has_its_own_fault() {
        let flipped = CHECKSUMMED.replace("Ee", "eE");
        for (text, fault) in [
            (&CHECKSUMMED[2..], AddressFault::Prefix),
            ("", AddressFault::Prefix),
            ("0xzz", AddressFault::Digits),
            ("0x1234", AddressFault::Length { digits: 4 }),
            (flipped.as_str(), AddressFault::Checksum),
            (&format!("0x{}", "0".repeat(40)), AddressFault::Zero),
            (&format!("0x{}", "1".repeat(64)), AddressFault::Word),
            (&"1".repeat(64), AddressFault::Word),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }
}
