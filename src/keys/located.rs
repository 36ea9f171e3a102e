//! JSON whose values know where in the text they stand, so that a fault can name its line.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Position;

/// One value of a text that is valid JSON.
#[derive(Clone, Copy)]
pub(super) struct Located<'a> {
    text: &'a str,
    raw: &'a RawValue,
}

/// The members of an object, in order, repetitions included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'a> Located<'a> {
    /// Reads a whole text.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(|raw| Self { text, raw })
    }

    /// The members, when it is an object.
    pub(super) fn members(self) -> Option<Vec<(String, Self)>> {
        let members: Members<'a> = serde_json::from_str(self.raw.get()).ok()?;
        let text = self.text;
        Some(
            members
                .0
                .into_iter()
                .map(|(name, raw)| (name, Self { text, raw }))
                .collect(),
        )
    }

    /// The elements, when it is a list.
    pub(super) fn elements(self) -> Option<Vec<Self>> {
        let elements: Vec<&'a RawValue> = serde_json::from_str(self.raw.get()).ok()?;
        let text = self.text;
        Some(elements.into_iter().map(|raw| Self { text, raw }).collect())
    }

    /// The text, when it is one.
    pub(super) fn string(self) -> Option<String> {
        serde_json::from_str(self.raw.get()).ok()
    }

    /// Whether it is `null`.
    pub(super) fn is_null(self) -> bool {
        self.raw.get() == "null"
    }

    /// Where it begins, in bytes.
    pub(super) fn offset(self) -> usize {
        let start = self.text.as_ptr().addr();
        self.raw.get().as_ptr().addr().saturating_sub(start)
    }
}

/// The place of a byte of `text`.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before
            .get(line_start..)
            .map_or(0, |line| line.chars().count())
            + 1,
    }
}
