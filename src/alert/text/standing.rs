//! The states of an attester in words.

use crate::{
    alert::card::Severity,
    attester::{Reason, RefusalCause, Stage, Standing},
};

#[expect(
    clippy::too_many_lines,
    reason = "a table of sentences, one entry for each reason"
)]
pub(super) fn headline(from: Standing, to: Standing) -> (Severity, &'static str, String) {
    use Severity::{Info, Warning};
    let said = |severity, title, why: &str| (severity, title, why.to_owned());
    match to.reason {
        Reason::NeverSeen => said(Info, " is in no queue", "No contract knows it now"),
        Reason::Dripped => said(
            Info,
            " left the provider queue",
            "The provider's admin took it out of the queue",
        ),
        Reason::InProviderQueue => match from.reason {
            Reason::Dripped => said(
                Info,
                " is in the provider queue again",
                "The provider added it again",
            ),
            Reason::DepositRefused { .. } => said(
                Info,
                " is in the provider queue again",
                "The provider added it again after its deposit was refused",
            ),
            _ => said(
                Info,
                " is in the provider queue",
                "The provider added it; it waits for a delegation",
            ),
        },
        Reason::InProviderQueueUsedUp => said(
            Warning,
            " waits in vain in provider queue",
            "The provider added it, but its address was registered before",
        ),
        Reason::InEntryQueue { .. } => match from.stage {
            Stage::InStakingProviderQueue => said(
                Info,
                " is in the entry queue",
                "A delegator staked it with the provider",
            ),
            Stage::New | Stage::RollupEntryQueue | Stage::Active | Stage::NoLongerActive => {
                said(Info, " is in the entry queue", "Its stake was deposited")
            }
        },
        Reason::InEntryQueueUsedUp { .. } => said(
            Warning,
            " waits in vain in entry queue",
            "It was staked, but its address was registered before",
        ),
        Reason::FollowsLatest | Reason::OnRollup { .. } => activated(from, to),
        Reason::EjectionUnknown => said(
            Warning,
            " was slashed, perhaps ejected",
            "A slash took stake, and no view has told yet whether it still validates",
        ),
        Reason::LeftOnRollup { rollup } => (
            Warning,
            " is left on an old rollup",
            format!("Another rollup became canonical, and it stays on rollup version {rollup}"),
        ),
        Reason::Zombie => said(
            Warning,
            " is a zombie after a slash",
            "The slash took its balance below the ejection threshold",
        ),
        Reason::Exiting => match from.reason {
            Reason::Zombie => said(
                Info,
                " is exiting after its ejection",
                "Its withdrawer initiated the withdrawal",
            ),
            _ => said(
                Info,
                " is exiting",
                "Its withdrawer initiated the withdrawal, and it no longer validates",
            ),
        },
        Reason::Exited => said(
            Info,
            " has left, its stake is paid",
            "Its withdrawal was finalised",
        ),
        Reason::SlashedToNothing => said(
            Warning,
            " was slashed for everything",
            "The slash took its whole balance; there is nothing to withdraw",
        ),
        Reason::DepositRefused { cause } => (
            Warning,
            " was refused and refunded",
            refusal(cause).to_owned(),
        ),
    }
}

fn activated(from: Standing, to: Standing) -> (Severity, &'static str, String) {
    let where_it_is = match to.reason {
        Reason::OnRollup { rollup } => format!("and stays on rollup version {rollup}"),
        _ => "and follows the latest rollup".to_owned(),
    };
    match from.reason {
        Reason::EjectionUnknown => (
            Severity::Info,
            " was slashed and stays active",
            format!("A view tells that it still validates {where_it_is}"),
        ),
        Reason::LeftOnRollup { rollup } => (
            Severity::Info,
            " is active again",
            format!("Rollup version {rollup}, where it validates, is canonical again"),
        ),
        Reason::FollowsLatest | Reason::OnRollup { .. } => (
            Severity::Info,
            " is active",
            format!("It validates {where_it_is}"),
        ),
        _ => (
            Severity::Info,
            " is active",
            format!("Its deposit was accepted; it validates {where_it_is}"),
        ),
    }
}

const fn refusal(cause: RefusalCause) -> &'static str {
    match cause {
        RefusalCause::AttesterUsedBefore => {
            "The deposit was refused: the address was registered before"
        }
        RefusalCause::RollupNotLatest => {
            "The deposit was refused: it was to follow the latest rollup, and this rollup no longer is the latest"
        }
        RefusalCause::KeyUsedBefore => "The deposit was refused: its BLS key was registered before",
        RefusalCause::ProofRefused => "The deposit was refused: its proof of possession is bad",
        RefusalCause::KeyOrProof => {
            "The deposit was refused: its BLS key was registered before or its proof of possession is bad; the logs do not tell which"
        }
    }
}

pub(super) const fn refused_step(cause: RefusalCause) -> &'static str {
    match cause {
        RefusalCause::AttesterUsedBefore => {
            "The stake went back to the withdrawer; queue slot and delegation are lost. This address can never be registered again: use a new one."
        }
        RefusalCause::RollupNotLatest => {
            "The stake went back to the withdrawer. The address and key are not used up and may be added again."
        }
        RefusalCause::KeyUsedBefore => {
            "The stake went back to the withdrawer; queue slot and delegation are lost. This key can never be registered again: make a new one."
        }
        RefusalCause::ProofRefused => {
            "The stake went back to the withdrawer; queue slot and delegation are lost. The attester may be added again with a good proof."
        }
        RefusalCause::KeyOrProof => {
            "The stake went back to the withdrawer; queue slot and delegation are lost. With a bad proof the attester may be added again with a good one; a key that was registered before never can be."
        }
    }
}

/// A state in a few words.
#[must_use]
pub fn state(standing: Standing) -> String {
    let stage = standing.stage.words();
    let reason = match standing.reason {
        Reason::NeverSeen => "in no contract".to_owned(),
        Reason::Dripped => "taken out of the provider queue".to_owned(),
        Reason::InProviderQueue => return stage.to_owned(),
        Reason::InProviderQueueUsedUp => "address used before".to_owned(),
        Reason::InEntryQueue { rollup } => format!("rollup {rollup}"),
        Reason::InEntryQueueUsedUp { rollup } => {
            format!("rollup {rollup}, address used before")
        }
        Reason::FollowsLatest => "follows the latest rollup".to_owned(),
        Reason::OnRollup { rollup } => format!("stays on rollup {rollup}"),
        Reason::EjectionUnknown => "slashed, ejection unknown".to_owned(),
        Reason::LeftOnRollup { rollup } => format!("left on rollup {rollup}"),
        Reason::Zombie => "zombie".to_owned(),
        Reason::Exiting => "exiting".to_owned(),
        Reason::Exited => "exited".to_owned(),
        Reason::SlashedToNothing => "slashed to nothing".to_owned(),
        Reason::DepositRefused { .. } => "deposit refused".to_owned(),
    };
    format!("{stage} ({reason})")
}
