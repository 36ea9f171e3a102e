//! One attester, with all that is known of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    coinbase::{self, CoinbaseView},
    find::{self, Member, Place},
    forecast::{ForecastView, Forecasts},
    form::{Amount, Freshness, address, link, transaction_link},
    glance::Glance,
    refusal::Refusal,
    standing::StandingView,
};
use crate::{
    attester::{Attester, Entry, Exit, Registration, RegistrationState, Stake, StakeFate},
    chain::contracts::Instance,
    units::UnixSeconds,
};

/// One attester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttesterView {
    /// Its network.
    pub network: String,
    /// Its address.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// Link to the explorer; absent where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether it is ours: our provider added it, or a keys file names it.
    pub is_ours: bool,
    /// Its state and why.
    pub standing: StandingView,
    /// When the state began, Unix seconds; null where it never changed.
    pub since: Option<u64>,
    /// How often its state changed.
    pub transitions: u64,
    /// The provider that added it last; null where none ever did.
    pub provider: Option<u64>,
    /// Its place in the provider queue, 1 = next; null where it is not in it.
    pub provider_queue_position: Option<u64>,
    /// Its places in entry queues, oldest first.
    pub entries: Vec<EntryView>,
    /// Its registration; null before there was one.
    pub registration: Option<RegistrationView>,
    /// Its delegated stakes, oldest first.
    pub stakes: Vec<StakeView>,
    /// How often it was slashed.
    pub slash_count: u64,
    /// How much it lost.
    pub slashed: Amount,
    /// Hosts that run it, as the keys files tell.
    pub hosts: Vec<String>,
    /// Its coinbase.
    pub coinbase: CoinbaseView,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// A place in an entry queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// The rollup.
    pub rollup: u64,
    /// The absolute index, never used twice.
    pub index: u64,
    /// The position, 1 = next; null where the entry has left.
    pub position: Option<u64>,
    /// Who gets the stake back.
    pub withdrawer: String,
    /// Block that put it there.
    pub block: u64,
    /// When it becomes a validator.
    pub forecast: ForecastView,
}

/// The one registration an attester can ever have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationView {
    /// The rollup.
    pub rollup: u64,
    /// Whether it follows the latest rollup; null where it is not known.
    pub follows_latest: Option<bool>,
    /// What is left of the stake.
    pub balance: Amount,
    /// `validating`, `slashed_ejection_unknown`, `zombie`, `exiting`, `exited` or `slashed_to_nothing`.
    pub state: String,
    /// The exit; null where there is none, or no view told it yet.
    pub exit: Option<ExitView>,
}

/// An exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExitView {
    /// Amount to be paid.
    pub amount: Amount,
    /// When the rollup lets it go, Unix seconds.
    pub exitable_at: u64,
    /// When the governance lets it go, Unix seconds; null = not read yet.
    pub unlocks_at: Option<u64>,
    /// The later of both; null while the governance's is unknown.
    pub free_at: Option<u64>,
}

/// One delegated stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakeView {
    /// The rollup it was for.
    pub rollup: u64,
    /// The split that it made: the coinbase that is expected.
    pub split: String,
    /// `queued`, `deposited` or `refunded`.
    pub fate: String,
    /// Its block.
    pub block: u64,
    /// Time of that block, Unix seconds.
    pub at: u64,
    /// Its transaction.
    pub transaction: String,
    /// Link to the explorer; absent where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Shows one attester: by address, by the beginning of one, or by label.
///
/// # Errors
/// A [`Refusal`] where nothing or several match.
pub fn show(
    glance: &Glance<'_>,
    network: Option<&str>,
    name: &str,
) -> Result<AttesterView, Refusal> {
    let (place, member) = find::attester(glance, network, name)?;
    Ok(view(place, &member, glance.now()))
}

fn view(place: Place<'_>, member: &Member<'_>, now: UnixSeconds) -> AttesterView {
    let unseen = Attester::default();
    let attester = member.attester.unwrap_or(&unseen);
    let mut forecasts = Forecasts::new(place);
    let membership = attester.membership.as_ref();
    let entries = attester.entries.iter();
    AttesterView {
        network: place.name.to_owned(),
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        link: link(place.network, "address", &member.address.to_string()),
        is_ours: place.is_ours(member),
        standing: attester.standing.into(),
        since: (attester.since.value() > 0).then(|| attester.since.value()),
        transitions: attester.transitions,
        provider: membership.map(|of| of.provider.value()),
        provider_queue_position: membership.and_then(|of| {
            let first = place.book?.providers.row(&of.provider)?.first;
            Some(of.queue_index?.since(first).saturating_add(1))
        }),
        entries: entries
            .map(|entry| entry_view(place, entry, &mut forecasts))
            .collect(),
        registration: attester.registration.as_ref().map(registration_view),
        stakes: attester
            .stakes
            .iter()
            .map(|stake| stake_view(place, stake))
            .collect(),
        slash_count: attester.slash_count,
        slashed: attester.slashed.into(),
        hosts: member.hosts(),
        coinbase: coinbase::view(place, member, &mut forecasts),
        as_of: Freshness::new(place.book, place.network, now),
    }
}

fn entry_view(place: Place<'_>, entry: &Entry, forecasts: &mut Forecasts<'_>) -> EntryView {
    EntryView {
        rollup: entry.rollup.value(),
        index: entry.index.value(),
        position: place.queue_place(entry),
        withdrawer: address(entry.withdrawer),
        block: entry.block.value(),
        forecast: forecasts.of(entry.rollup, entry.index),
    }
}

/// The name of a registration's state.
pub(super) const fn registration_name(state: &RegistrationState) -> &'static str {
    match state {
        RegistrationState::Validating => "validating",
        RegistrationState::SlashedEjectionUnknown => "slashed_ejection_unknown",
        RegistrationState::Zombie { .. } => "zombie",
        RegistrationState::Exiting { .. } => "exiting",
        RegistrationState::Exited => "exited",
        RegistrationState::SlashedToNothing => "slashed_to_nothing",
    }
}

fn registration_view(registration: &Registration) -> RegistrationView {
    let exit = match &registration.state {
        RegistrationState::Zombie { exit } | RegistrationState::Exiting { exit } => exit.as_ref(),
        RegistrationState::Validating
        | RegistrationState::SlashedEjectionUnknown
        | RegistrationState::Exited
        | RegistrationState::SlashedToNothing => None,
    };
    RegistrationView {
        rollup: registration.rollup.value(),
        follows_latest: registration
            .instance
            .map(|instance| instance == Instance::Bonus),
        balance: registration.balance.into(),
        state: registration_name(&registration.state).to_owned(),
        exit: exit.map(exit_view),
    }
}

fn exit_view(exit: &Exit) -> ExitView {
    ExitView {
        amount: exit.amount.into(),
        exitable_at: exit.exitable_at.value(),
        unlocks_at: exit.unlocks_at.map(UnixSeconds::value),
        free_at: exit.free_at().map(UnixSeconds::value),
    }
}

fn stake_view(place: Place<'_>, stake: &Stake) -> StakeView {
    let fate = match stake.fate {
        StakeFate::Queued => "queued",
        StakeFate::Deposited => "deposited",
        StakeFate::Refunded => "refunded",
    };
    StakeView {
        rollup: stake.rollup.value(),
        split: stake.split.to_string(),
        fate: fate.to_owned(),
        block: stake.block.value(),
        at: stake.at.value(),
        transaction: stake.transaction.to_string(),
        link: transaction_link(place.network, stake.transaction),
    }
}
