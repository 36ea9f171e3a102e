//! What people do to an incident: acknowledge, snooze, wake, note. Each twice is as good as once.

use thiserror::Error;

use super::{Incident, Incidents, Snooze, State, Step, apply::is_same};
use crate::{
    alert::{
        notice::{Notice, NoticeId},
        text::Context,
    },
    units::UnixSeconds,
};

/// Characters of a reason or note that are kept.
const WORDS_MAX: usize = 300;

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Says that they know. Rungs then pass in silence, unless it matters more than before.
    Acknowledge,
    /// Does not want to hear of it for a while.
    Snooze(Snooze),
    /// Wants to hear of it again.
    Unsnooze,
    /// Writes something down; their words are the reason.
    Note,
}

/// Why an action was refused: a sentence for the person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is no such incident.
    #[error(
        "There is no incident \"{0}\". It may be older than what is kept; the list of incidents shows those that are."
    )]
    Unknown(String),
    /// The name fits several.
    #[error(
        "\"{0}\" means {1} incidents, among them {2}. Give the five signs of the one that is meant."
    )]
    Ambiguous(String, usize, String),
    /// It is over.
    #[error(
        "The incident \"{0}\" is resolved, so there is nothing to silence. If it comes back, it is told again."
    )]
    Resolved(NoticeId),
    /// A note without words.
    #[error("The note is empty. Write what should be remembered.")]
    Empty,
    /// The end of the snooze lies in the past.
    #[error("The end of the snooze lies in the past. Give a moment that is still to come.")]
    Past,
}

impl Incidents {
    /// Does what `actor` wants, for their `reason`. Gives the notices that it owes: none where nothing changed.
    ///
    /// # Errors
    /// [`Refused`] with a sentence for the person, and nothing changed.
    pub fn act(
        &mut self,
        reference: &str,
        action: &Action,
        actor: &str,
        reason: Option<&str>,
        now: UnixSeconds,
        context: &Context<'_>,
    ) -> Result<Vec<Notice>, Refused> {
        let shown = || crate::alert::fit::cut(reference, 60);
        let incident = self
            .find(reference)
            .ok_or_else(|| Refused::Unknown(shown()))?;
        let (id, state) = (incident.id.clone(), incident.state);
        let reason = reason.map(|reason| crate::alert::fit::cut(reason, WORDS_MAX));
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        let (next, step) = match (action, state) {
            // What is over may still be explained.
            (Action::Note, _) if reason.is_none() => return Err(Refused::Empty),
            (Action::Note, _) if is_written(incident, actor, reason.as_deref()) => {
                return Ok(Vec::new());
            }
            (Action::Note, state) => (state, Step::Noted),
            (_, State::Resolved) => return Err(Refused::Resolved(id)),
            (Action::Acknowledge, State::Acknowledged) => return Ok(Vec::new()),
            (Action::Acknowledge, _) => (State::Acknowledged, Step::Acknowledged),
            (Action::Snooze(Snooze::Until(until)), _) if *until <= now => {
                return Err(Refused::Past);
            }
            (Action::Snooze(snooze), state) if is_same(state, *snooze) => return Ok(Vec::new()),
            (Action::Snooze(snooze), _) => (State::Snoozed(*snooze), Step::Snoozed(*snooze)),
            (Action::Unsnooze, State::Snoozed(_)) => (State::Open, Step::Woken),
            (Action::Unsnooze, _) => return Ok(Vec::new()),
        };
        let ended = self
            .rows
            .row(&id.as_str().to_owned())
            .and_then(Incident::resolved_at);
        Ok(self.edit(&id, context, None, |incident| {
            incident.state = next;
            incident.note(now, Some(actor), step, reason.as_deref());
            // A note does not move the end of what is over.
            incident.updated_at = ended.unwrap_or(incident.updated_at);
        }))
    }
}

/// Whether the last line is this very note.
fn is_written(incident: &Incident, actor: &str, words: Option<&str>) -> bool {
    incident.timeline.last().is_some_and(|line| {
        line.step == Step::Noted
            && line.who.as_deref() == Some(actor)
            && line.why.as_deref() == words
    })
}
