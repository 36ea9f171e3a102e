//! Recognises private keystores by their fields, and refuses them.
//!
//! Nothing of such a file is kept, and no text made here repeats a value of it.

use super::{file::Fault, located::Located};

/// How deep fields are searched for private keys; keystores have them in the first four levels.
const SEARCH_DEPTH_MAX: usize = 8;

/// Fields that only files with private keys have (EIP-2335, Web3 Secret Storage, Aztec's keystore), in lower case.
const FIELDS: [&str; 10] = [
    "privatekey",
    "private_key",
    "secretkey",
    "secret_key",
    "mnemonic",
    "seedphrase",
    "crypto",
    "ciphertext",
    "password",
    "passphrase",
];

const NEXT_STEP: &str = "Move it out of this directory: steward needs the public keys file only, \
                                 with 20-byte addresses, and never a private key";

/// The fault of a file that holds a private key.
pub(super) fn refusal(value: Located<'_>, why: &str) -> Fault {
    let what = format!("the file is a private keystore ({why}) and is refused");
    Fault::at(value, what, NEXT_STEP)
}

/// Refuses what only private keystores have.
pub(super) fn refuse_fields(value: Located<'_>, depth: usize) -> Result<(), Fault> {
    if depth > SEARCH_DEPTH_MAX {
        return Ok(());
    }
    if let Some(members) = value.members() {
        for (name, member) in members {
            let is_private = FIELDS.contains(&name.to_ascii_lowercase().as_str());
            if is_private && !member.is_null() {
                return Err(refusal(member, &format!("it has a field \"{name}\"")));
            }
            refuse_fields(member, depth + 1)?;
        }
    } else if let Some(elements) = value.elements() {
        for element in elements {
            refuse_fields(element, depth + 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keys::{
        KeysFileName,
        file::{parse, tests::GOLDEN},
    };

    /// Forms of private keystores; the marker stands where a secret would.
    #[test]
    fn private_keystores_are_refused_and_not_repeated() {
        let marker = "5ec2e7".repeat(11);
        let secret = format!("0x{}", &marker[..64]);
        let ones = "0x1111111111111111111111111111111111111111";
        let private = [
            GOLDEN.replace(ones, &secret),
            GOLDEN.replace(
                "\"0x2222222222222222222222222222222222222222\",\n",
                &format!("\"{secret}\",\n"),
            ),
            format!("{{\"validators\": [{{\"attester\": \"{secret}\"}}]}}"),
            format!("{{\"validators\": [{{\"attester\": {{\"mnemonic\": \"{marker}\"}}}}]}}"),
            format!(
                "{{\"validators\": [{{\"attester\": {{\"eth\": {{\"path\": \"a\", \"password\": \"{marker}\"}}}}}}]}}"
            ),
            format!(
                "{{\"crypto\": {{\"cipher\": {{\"message\": \"{marker}\"}}}}, \"path\": \"m/12381\", \"version\": 4}}"
            ),
            format!("{{\"Crypto\": {{\"ciphertext\": \"{marker}\"}}, \"version\": 3}}"),
            format!("[{{\"privateKey\": \"{marker}\"}}]"),
        ];
        let faults: Vec<String> = private
            .iter()
            .map(|text| {
                let path = KeysFileName::new("mainnet-keys-a-v1.json");
                parse(&path, text.as_bytes()).unwrap_err().to_string()
            })
            .collect();
        for fault in &faults {
            assert!(!fault.contains("5ec2e7"), "{fault}");
        }
        insta::assert_snapshot!(faults.join("\n"), @r#"
mainnet-keys-a-v1.json, line 7, column 16: the file is a private keystore (the attester has 32 bytes, an address has 20) and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 20, column 20: the file is a private keystore (the publisher has 32 bytes, an address has 20) and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 30: the file is a private keystore (the attester has 32 bytes, an address has 20) and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 43: the file is a private keystore (it has a field "mnemonic") and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 64: the file is a private keystore (it has a field "password") and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 12: the file is a private keystore (it has a field "crypto") and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 12: the file is a private keystore (it has a field "Crypto") and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
mainnet-keys-a-v1.json, line 1, column 17: the file is a private keystore (it has a field "privateKey") and is refused. Move it out of this directory: steward needs the public keys file only, with 20-byte addresses, and never a private key
"#);
    }
}
