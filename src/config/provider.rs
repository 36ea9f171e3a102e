//! Whose attesters are watched on one network.

use super::{
    problem::Fault,
    reader::{Place, Reader},
    value,
    variable::{Presence, Scope, Variable},
};
use crate::units::{Address, ProviderId};

/// Characters of a provider's label, so that it fits the title of a card.
const LABEL_LENGTH_MAX: usize = 80;

pub(super) const PROVIDER_ID: Variable = Variable {
    name: "PROVIDER_ID",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("PROVIDER_ADMIN is set"),
    doc: "The number of your provider in the StakingRegistry. Ids start at 1.",
    example: "4",
};

pub(super) const PROVIDER_ADMIN: Variable = Variable {
    name: "PROVIDER_ADMIN",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("PROVIDER_ID is set"),
    doc: "The admin address of your provider, if you do not know its number. steward then finds the provider on chain.",
    example: "0x1111111111111111111111111111111111111111",
};

pub(super) const PROVIDER_LABEL: Variable = Variable {
    name: "PROVIDER_LABEL",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::Optional("cards show the provider's number"),
    doc: "How your provider is called on cards.",
    example: "Example Staking",
};

/// How the provider is told apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderSelector {
    /// By its id in the `StakingRegistry`.
    Id(ProviderId),
    /// By its admin (`ProviderConfiguration.providerAdmin`).
    Admin(Address),
}

/// Reads which provider is meant.
pub(super) fn read(reader: &mut Reader<'_>, place: Place<'_>) -> Option<ProviderSelector> {
    let is_set = |reader: &Reader<'_>, variable: &Variable| {
        place
            .names(variable)
            .iter()
            .any(|name| reader.is_set(variable, name))
    };
    let (has_id, has_admin) = (
        is_set(reader, &PROVIDER_ID),
        is_set(reader, &PROVIDER_ADMIN),
    );
    let id = reader.value_at(place, &PROVIDER_ID, |text| {
        if text == "0" {
            return Err(Fault::new(
                "is 0, and no provider has that id: the StakingRegistry counts from 1",
                "Write your provider's id, or set PROVIDER_ADMIN to its admin address.",
            ));
        }
        value::number(text, 1..=u64::MAX).map(ProviderId::new)
    });
    let admin = reader.value_at(place, &PROVIDER_ADMIN, value::address);
    match (has_id, has_admin) {
        (false, false) => reader.missing(place, &PROVIDER_ID),
        (true, true) => {
            let fault = Fault::new(
                format!("and {} are both set", place.name_to_set(&PROVIDER_ADMIN)),
                "Keep one of them; the id is the one that never changes.",
            );
            reader.problem(place.name_to_set(&PROVIDER_ID), &PROVIDER_ID, fault);
        }
        (true, false) | (false, true) => (),
    }
    id.map(ProviderSelector::Id)
        .or(admin.map(ProviderSelector::Admin))
}

/// Reads how the provider is called.
pub(super) fn read_label(reader: &mut Reader<'_>, place: Place<'_>) -> Option<String> {
    reader.value_at(place, &PROVIDER_LABEL, parse_label)
}

fn parse_label(text: &str) -> Result<String, Fault> {
    if text.chars().count() > LABEL_LENGTH_MAX || text.chars().any(char::is_control) {
        return Err(Fault::new(
            "is too long, or holds control characters",
            format!("Write at most {LABEL_LENGTH_MAX} characters."),
        ));
    }
    Ok(text.to_owned())
}
