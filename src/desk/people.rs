//! What people do: acknowledge, snooze, note, ask for a test.

use thiserror::Error;

use super::{Desk, label, owe};
use crate::{
    alert::{
        class::Class,
        incident::{Action, Refused},
        notice::{Notice, NoticeId},
        text::{Context, digest},
    },
    state::{HOUSE, State},
    units::UnixSeconds,
};

/// Somebody does something with an incident.
#[derive(Debug, Clone)]
pub struct Act {
    /// The incident: its id, or the short form that a button carries.
    pub incident: String,
    /// What they do.
    pub action: Action,
    /// Who: the name they have in Discord, or of their account on the machine.
    pub actor: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// Why an act was refused.
#[derive(Debug, Error)]
pub enum ActError {
    /// The incident does not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such network.
    #[error("The network \"{0}\" is not configured. The networks are listed by status.")]
    UnknownNetwork(String),
}

impl Desk {
    /// Does what somebody wants with an incident, and owes what follows.
    ///
    /// # Errors
    /// [`ActError`] with a sentence for the person, and nothing changed.
    pub fn act(&self, state: &mut State, act: &Act, now_ms: u64) -> Result<NoticeId, ActError> {
        let network = state
            .incidents
            .iter()
            .find(|(_, incidents)| incidents.find(&act.incident).is_some())
            .map(|(network, _)| network.clone());
        let unknown =
            || ActError::Refused(Refused::Unknown(crate::alert::fit::cut(&act.incident, 60)));
        let network = network.ok_or_else(unknown)?;
        let bureau = self
            .bureaus
            .get(&network)
            .or_else(|| self.bureaus.values().next())
            .ok_or_else(unknown)?;
        let keys = self.keys(&network);
        let labels = label(keys.as_ref());
        let mut context = self.context(bureau, &labels);
        if network == HOUSE {
            context = Context {
                network: HOUSE,
                network_label: HOUSE,
                ..context
            };
        }
        let now = UnixSeconds::new(now_ms / 1000);
        let incidents = state.incidents_or_new(&network);
        let id = incidents
            .find(&act.incident)
            .map(|incident| incident.id.clone())
            .ok_or_else(unknown)?;
        let notices = incidents.act(
            &act.incident,
            &act.action,
            &act.actor,
            act.reason.as_deref(),
            now,
            &context,
        )?;
        owe(state, bureau, now_ms, notices);
        Ok(id)
    }

    /// Owes a test card, through the whole path; gives its notice.
    ///
    /// # Errors
    /// [`ActError::UnknownNetwork`].
    pub fn test(
        &self,
        state: &mut State,
        network: &str,
        who: &str,
        now_ms: u64,
    ) -> Result<NoticeId, ActError> {
        let bureau = self
            .bureaus
            .get(network)
            .ok_or_else(|| ActError::UnknownNetwork(crate::alert::fit::cut(network, 40)))?;
        let labels = label(None);
        let context = self.context(bureau, &labels);
        let id = NoticeId::new(network, "-", Class::Test, now_ms, "");
        let message = digest::test(&context, &id, who, UnixSeconds::new(now_ms / 1000));
        let notice = Notice {
            id: id.clone(),
            class: Class::Test,
            route: Class::Test.route(),
            message,
            row: Vec::new(),
            cause: None,
            reply_to: None,
        };
        owe(state, bureau, now_ms, vec![notice]);
        Ok(id)
    }
}
