//! One keys file: `{validators: [{attester: {eth, bls}, coinbase?, publisher, feeRecipient}]}`.
//!
//! Unknown fields are passed over. A fault names its line. A file that holds a private key is refused as a whole, and
//! no text made here repeats a value of it.

use std::collections::HashMap;

use super::{
    KeysFileFault, KeysFileName, Position, bls,
    located::{Located, position},
    private,
};
use crate::units::{
    Address, AttesterAddress, B256, Coinbase, U256,
    address::{self, AddressFault},
};

/// The most attesters of one file; a host runs some hundreds, a provider some thousands.
const ATTESTERS_MAX: usize = 200_000;

/// The most publishers of one attester.
const PUBLISHERS_MAX: usize = 256;

/// What one file says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeysFile {
    /// Its attesters, in the file's order; each once.
    pub attesters: Vec<KeyEntry>,
    /// What is odd, though the file is in force.
    pub doubt: Option<KeysFileFault>,
}

/// One attester of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// `attester.eth`.
    pub attester: AttesterAddress,
    /// `attester.bls`: a compressed point of BN254's G1. `None` where it is not one, for then it may be a private key.
    pub bls: Option<B256>,
    /// `coinbase`.
    pub coinbase: Option<Coinbase>,
    /// `publisher`, one or several.
    pub publishers: Vec<Address>,
    /// `feeRecipient`: an address of Aztec's own layer.
    pub fee_recipient: Option<B256>,
}

/// A fault, and the byte of the text that it concerns.
pub(super) struct Fault {
    offset: usize,
    what: String,
    next_step: String,
}

impl Fault {
    /// A fault of `value`.
    pub(super) fn at(
        value: Located<'_>,
        what: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            offset: value.offset(),
            what: what.into(),
            next_step: next_step.into(),
        }
    }

    fn placed(self, path: &KeysFileName, text: &str) -> KeysFileFault {
        KeysFileFault {
            path: path.clone(),
            position: Some(position(text, self.offset)),
            what: self.what,
            next_step: self.next_step,
        }
    }
}

/// Reads the content of the file `path`.
///
/// # Errors
/// The first fault of the file, with its place.
pub fn parse(path: &KeysFileName, content: &[u8]) -> Result<KeysFile, KeysFileFault> {
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let valid = content.get(..error.valid_up_to()).unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            let fault = Fault {
                offset: valid.len(),
                what: "the file is no text (UTF-8)".to_owned(),
                next_step: "Write it again".to_owned(),
            };
            return Err(fault.placed(path, &valid));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = Located::parse(text).map_err(|error| not_json(path, text, &error))?;
    let attesters = read_root(root, text).map_err(|fault| fault.placed(path, text))?;
    Ok(without_doubtful_bls(path, text, attesters))
}

/// A syntax error, in place.
fn not_json(path: &KeysFileName, text: &str, error: &serde_json::Error) -> KeysFileFault {
    let (what, next_step) = if text.trim().is_empty() {
        ("the file is empty".to_owned(), "Write it again")
    } else if error.is_eof() {
        (
            "the file ends in the middle".to_owned(),
            "Write it again, as a whole: first under another name, then rename it",
        )
    } else {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        (format!("the file is not JSON: {said}"), "Correct it there")
    };
    KeysFileFault {
        path: path.clone(),
        position: Some(Position {
            line: error.line().max(1),
            column: error.column().max(1),
        }),
        what,
        next_step: next_step.to_owned(),
    }
}

/// An entry together with where its BLS key stands.
struct Entry<'a> {
    entry: KeyEntry,
    bls: Option<Located<'a>>,
}

fn read_root<'a>(root: Located<'a>, text: &str) -> Result<Vec<Entry<'a>>, Fault> {
    private::refuse_fields(root, 0)?;
    let members = object(root, "the file")?;
    let Some(validators) = field(&members, "validators")? else {
        return Err(Fault::at(
            root,
            "the file has no list \"validators\"",
            "Is it a keys file? It has the form {\"validators\": [{\"attester\": {\"eth\": …, \"bls\": …}, …}]}",
        ));
    };
    let Some(validators) = validators.elements() else {
        let what = "\"validators\" is no list";
        return Err(Fault::at(validators, what, "Write a list"));
    };
    if let Some(first_beyond) = validators.get(ATTESTERS_MAX) {
        let what = format!("the file has more than {ATTESTERS_MAX} attesters");
        return Err(Fault::at(*first_beyond, what, "Split it"));
    }
    let mut offsets: HashMap<AttesterAddress, usize> = HashMap::with_capacity(validators.len());
    let mut entries = Vec::with_capacity(validators.len());
    for validator in validators {
        let (eth, entry) = read_entry(validator)?;
        if let Some(first) = offsets.insert(entry.entry.attester, eth.offset()) {
            let line = position(text, first).line;
            let again = position(text, eth.offset()).line;
            let attester = entry.entry.attester;
            return Err(Fault::at(
                eth,
                format!("the attester {attester} stands in line {line} and again in line {again}"),
                "Remove one of the two",
            ));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads one member of `validators`; also says where the attester's address stands.
fn read_entry(validator: Located<'_>) -> Result<(Located<'_>, Entry<'_>), Fault> {
    let members = object(validator, "an entry of \"validators\"")?;
    let Some(attester) = field(&members, "attester")? else {
        let what = "an entry of \"validators\" has no \"attester\"";
        return Err(Fault::at(validator, what, "Add it, or remove the entry"));
    };
    // Older forms write the address alone.
    let (eth, bls) = match attester.members() {
        None => (attester, None),
        Some(members) => match field(&members, "eth")? {
            Some(eth) => (eth, field(&members, "bls")?),
            None => {
                let what = "\"attester\" has no \"eth\"";
                return Err(Fault::at(attester, what, "Add the attester's address"));
            }
        },
    };
    let entry = KeyEntry {
        attester: AttesterAddress::new(read_address(eth, "attester")?),
        bls: bls.and_then(word),
        coinbase: match field(&members, "coinbase")? {
            Some(coinbase) if !coinbase.is_null() => Some(read_coinbase(coinbase)?),
            Some(_) | None => None,
        },
        publishers: match field(&members, "publisher")? {
            Some(publisher) if !publisher.is_null() => read_publishers(publisher)?,
            Some(_) | None => Vec::new(),
        },
        fee_recipient: field(&members, "feeRecipient")?.and_then(word),
    };
    let bls = bls.filter(|bls| !bls.is_null());
    Ok((eth, Entry { entry, bls }))
}

fn read_coinbase(value: Located<'_>) -> Result<Coinbase, Fault> {
    read_address(value, "coinbase")
        .map(Coinbase::new)
        .map_err(|fault| Fault {
            next_step: if fault.what.ends_with("is the zero address") {
                "Leave \"coinbase\" out until you know it: rewards sent to the zero address are lost".to_owned()
            } else {
                fault.next_step
            },
            ..fault
        })
}

fn read_publishers(value: Located<'_>) -> Result<Vec<Address>, Fault> {
    let elements = value.elements().unwrap_or_else(|| vec![value]);
    if elements.len() > PUBLISHERS_MAX {
        let what = format!("an attester has more than {PUBLISHERS_MAX} publishers");
        return Err(Fault::at(value, what, "Remove some"));
    }
    elements
        .into_iter()
        .map(|element| read_address(element, "publisher"))
        .collect()
}

/// An address; what has the length of a private key makes the file a private keystore.
fn read_address(value: Located<'_>, what: &str) -> Result<Address, Fault> {
    let Some(text) = value.string() else {
        return Err(Fault::at(
            value,
            format!("the {what} is no text in quotes"),
            "Write an address: 0x and 40 hex digits",
        ));
    };
    address::parse(&text).map_err(|fault| match fault {
        AddressFault::Word if what != "coinbase" => private::refusal(
            value,
            &format!("the {what} has 32 bytes, an address has 20"),
        ),
        AddressFault::Checksum => Fault::at(
            value,
            format!("the {what} {fault}"),
            "Copy the address again, as a whole",
        ),
        AddressFault::Prefix
        | AddressFault::Digits
        | AddressFault::Word
        | AddressFault::Length { .. }
        | AddressFault::Zero => Fault::at(
            value,
            format!("the {what} {fault}"),
            "Write an address: 0x and 40 hex digits",
        ),
    })
}

/// At most 32 bytes of hex, or nothing: for what steward reads and does not judge.
fn word(value: Located<'_>) -> Option<B256> {
    let text = value.string()?;
    let digits = text.strip_prefix("0x")?;
    let number = U256::from_str_radix(digits, 16).ok()?;
    (!digits.is_empty()).then(|| B256::from(number))
}

fn object<'a>(value: Located<'a>, what: &str) -> Result<Vec<(String, Located<'a>)>, Fault> {
    value.members().ok_or_else(|| {
        let what = format!("{what} is no object in braces");
        Fault::at(value, what, "Write it in the form of a keys file")
    })
}

/// The member `name`; the same name twice is a fault, because nobody can tell which one rules.
fn field<'a>(members: &[(String, Located<'a>)], name: &str) -> Result<Option<Located<'a>>, Fault> {
    let mut found = members
        .iter()
        .filter(|(other, _)| other == name)
        .map(|(_, value)| *value);
    let first = found.next();
    match found.next() {
        Some(second) => Err(Fault::at(
            second,
            format!("\"{name}\" stands twice in the same object"),
            "Remove one of the two",
        )),
        None => Ok(first),
    }
}

/// Where a BLS key is no public key it may be a private one: none of the file's is kept then, and a doubt says so.
fn without_doubtful_bls(path: &KeysFileName, text: &str, entries: Vec<Entry<'_>>) -> KeysFile {
    let is_doubtful = |entry: &&Entry<'_>| {
        let is_point = entry.entry.bls.is_some_and(bls::is_compressed_point);
        entry.bls.is_some() && !is_point
    };
    let doubtful = entries.iter().filter(is_doubtful).count();
    let first = entries.iter().find(is_doubtful).and_then(|entry| entry.bls);
    let doubt = first.map(|value| {
        let what = format!("{doubtful} of {} BLS keys are no public keys, the first is here", entries.len());
        let next_step = "If they are private keys, move the file out of this directory at once; steward keeps none of \
                         them, and needs none";
        Fault::at(value, what, next_step).placed(path, text)
    });
    let attesters = entries
        .into_iter()
        .map(|entry| KeyEntry {
            bls: entry.entry.bls.filter(|_bls| doubt.is_none()),
            ..entry.entry
        })
        .collect();
    KeysFile { attesters, doubt }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const GOLDEN: &str = r#"{
  "schemaVersion": 1,
  "remoteSigner": "https://signer.example:9000",
  "validators": [
    {
      "attester": {
        "eth": "0x1111111111111111111111111111111111111111",
        "bls": "0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"
      },
      "coinbase": "0x35b22e09Ee0390539439E24f06Da43D83f90e298",
      "publisher": ["0x2222222222222222222222222222222222222222", "0x3333333333333333333333333333333333333333"],
      "feeRecipient": "0x0000000000000000000000000000000000000000000000000000000000000000",
      "note": {"kept": "for nobody"}
    },
    {
      "attester": {
        "eth": "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
        "bls": "0x8769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0"
      },
      "publisher": "0x2222222222222222222222222222222222222222",
      "feeRecipient": "0x00"
    }
  ]
}"#;

    fn read(text: &str) -> Result<KeysFile, KeysFileFault> {
        parse(
            &KeysFileName::new("mainnet-keys-a-v1.json"),
            text.as_bytes(),
        )
    }

    fn fault(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_public_keys_file_is_read() {
        let file = read(GOLDEN).unwrap();
        let [first, second] = file.attesters.as_slice() else {
            panic!("two attesters");
        };
        assert_eq!(first.attester.address(), Address::repeat_byte(0x11));
        assert_eq!(
            first.coinbase.unwrap().to_string(),
            "0x35b22e09Ee0390539439E24f06Da43D83f90e298"
        );
        assert_eq!(first.publishers.len(), 2);
        assert!(first.bls.is_some());
        assert_eq!(second.coinbase, None);
        assert_eq!(second.publishers, [Address::repeat_byte(0x22)]);
        assert_eq!(file.doubt, None);
        assert_eq!(
            read("\u{feff}{\"validators\": []}").unwrap(),
            KeysFile::default()
        );
    }

    /// Every way to break the golden file, with the sentence the operator gets.
    #[test]
    fn every_fault_names_its_line() {
        let ones = "0x1111111111111111111111111111111111111111";
        let broken = [
            String::new(),
            GOLDEN[..700].to_owned(),
            GOLDEN.replace("\"coinbase\":", "coinbase:"),
            GOLDEN.replace("validators", "valdators"),
            "[]".to_owned(),
            "{\"validators\": {}}".to_owned(),
            "{\"validators\": [7]}".to_owned(),
            "{\"validators\": [{}]}".to_owned(),
            "{\"validators\": [{\"attester\": {}}]}".to_owned(),
            "{\"validators\": [{\"attester\": {\"eth\": 7}}]}".to_owned(),
            GOLDEN.replace(ones, "0x1111"),
            GOLDEN.replace(ones, "0x0000000000000000000000000000000000000000"),
            GOLDEN.replace("0x35b22e09Ee", "0x35b22e09eE"),
            GOLDEN.replace(
                "0x35b22e09Ee0390539439E24f06Da43D83f90e298",
                "0x0000000000000000000000000000000000000000",
            ),
            GOLDEN.replace("0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa", ones),
            GOLDEN.replace("\"note\": {\"kept\": \"for nobody\"}", "\"coinbase\": null"),
            GOLDEN.replace(
                "[\"0x2222222222222222222222222222222222222222\"",
                "[\"2222\"",
            ),
        ];
        let faults: Vec<String> = broken.iter().map(|text| fault(text)).collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
mainnet-keys-a-v1.json, line 1, column 1: the file is empty. Write it again
mainnet-keys-a-v1.json, line 18, column 29: the file ends in the middle. Write it again, as a whole: first under another name, then rename it
mainnet-keys-a-v1.json, line 10, column 7: the file is not JSON: key must be a string. Correct it there
mainnet-keys-a-v1.json, line 1, column 1: the file has no list "validators". Is it a keys file? It has the form {"validators": [{"attester": {"eth": …, "bls": …}, …}]}
mainnet-keys-a-v1.json, line 1, column 1: the file is no object in braces. Write it in the form of a keys file
mainnet-keys-a-v1.json, line 1, column 16: "validators" is no list. Write a list
mainnet-keys-a-v1.json, line 1, column 17: an entry of "validators" is no object in braces. Write it in the form of a keys file
mainnet-keys-a-v1.json, line 1, column 17: an entry of "validators" has no "attester". Add it, or remove the entry
mainnet-keys-a-v1.json, line 1, column 30: "attester" has no "eth". Add the attester's address
mainnet-keys-a-v1.json, line 1, column 38: the attester is no text in quotes. Write an address: 0x and 40 hex digits
mainnet-keys-a-v1.json, line 7, column 16: the attester has 4 hex digits; an address has 40. Write an address: 0x and 40 hex digits
mainnet-keys-a-v1.json, line 7, column 16: the attester is the zero address. Write an address: 0x and 40 hex digits
mainnet-keys-a-v1.json, line 10, column 19: the coinbase has a wrong checksum (EIP-55), so a character of it is wrong. Copy the address again, as a whole
mainnet-keys-a-v1.json, line 10, column 19: the coinbase is the zero address. Leave "coinbase" out until you know it: rewards sent to the zero address are lost
mainnet-keys-a-v1.json, line 17, column 16: the attester 0x1111111111111111111111111111111111111111 stands in line 7 and again in line 17. Remove one of the two
mainnet-keys-a-v1.json, line 13, column 19: "coinbase" stands twice in the same object. Remove one of the two
mainnet-keys-a-v1.json, line 11, column 21: the publisher does not begin with 0x. Write an address: 0x and 40 hex digits
"#);
        let fault = parse(&KeysFileName::new("x"), b"{\n \"a\": \"\xff\"}").unwrap_err();
        assert_eq!(fault.position, Some(Position { line: 2, column: 8 }));
    }

    #[test]
    fn a_bls_key_that_is_no_public_key_is_doubted_and_none_is_kept() {
        let private = "0x8769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0";
        let file = read(&GOLDEN.replace(private, "0x04")).unwrap();
        assert_eq!(file.attesters.len(), 2);
        assert!(file.attesters.iter().all(|entry| entry.bls.is_none()));
        insta::assert_snapshot!(file.doubt.unwrap(), @"mainnet-keys-a-v1.json, line 18, column 16: 1 of 2 BLS keys are no public keys, the first is here. If they are private keys, move the file out of this directory at once; steward keeps none of them, and needs none");
    }

    #[test]
    fn deep_nesting_ends_no_process() {
        let deep = format!(
            "{{\"x\": {}1{}, \"validators\": []}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        drop(read(&deep));
    }

    proptest::proptest! {
        #[test]
        fn no_content_panics(content: Vec<u8>, cut in 0..GOLDEN.len(), byte: u8) {
            let name = KeysFileName::new("x");
            drop(parse(&name, &content));
            let mut damaged = GOLDEN.as_bytes().to_vec();
            damaged[cut] = byte;
            drop(parse(&name, &damaged));
            proptest::prop_assert!(parse(&name, &GOLDEN.as_bytes()[..cut]).is_err());
        }
    }
}
