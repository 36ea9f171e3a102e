//! What people do: acknowledge, snooze, note, ask for a test.

use thiserror::Error;

use super::{Desk, label, owe};
use crate::{
    alert::{
        class::Class,
        incident::{Action, CANDIDATES_MAX, Named, Refused, handle, named},
        notice::{Notice, NoticeId},
        text::{Context, digest},
    },
    state::{HOUSE, State},
    units::UnixSeconds,
};

/// Somebody does something with an incident.
#[derive(Debug, Clone)]
pub struct Act {
    /// The incident, by any of its [names](crate::alert::incident::named).
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

/// The network and the id of the incident that `name` means.
fn meant(state: &State, name: &str) -> Result<(String, NoticeId), Refused> {
    let shown = crate::alert::fit::cut(name, 60);
    let all = state.incidents.iter().flat_map(|(network, incidents)| {
        let rows = incidents.rows.rows();
        rows.map(move |(_, incident)| (network, incident))
    });
    match named(all, |(_, incident)| *incident, name) {
        Named::One((network, incident)) => Ok((network.clone(), incident.id.clone())),
        Named::Nobody => Err(Refused::Unknown(shown)),
        Named::Several(several) => {
            let ids = several.iter().map(|(_, incident)| incident.id.as_str());
            let ids: Vec<String> = ids
                .take(CANDIDATES_MAX)
                .map(|id| format!("{} ({id})", handle(id)))
                .collect();
            Err(Refused::Ambiguous(shown, several.len(), ids.join(", ")))
        }
    }
}

impl Desk {
    /// Does what somebody wants with an incident, and owes what follows.
    ///
    /// # Errors
    /// [`ActError`] with a sentence for the person, and nothing changed.
    pub fn act(&self, state: &mut State, act: &Act, now_ms: u64) -> Result<NoticeId, ActError> {
        let unknown =
            || ActError::Refused(Refused::Unknown(crate::alert::fit::cut(&act.incident, 60)));
        let (network, id) = meant(state, &act.incident)?;
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
        let notices = incidents.act(
            id.as_str(),
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
