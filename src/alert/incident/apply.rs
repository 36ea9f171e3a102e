//! Changes of incidents, written down; and the notices that they owe.

use super::{Incident, Incidents, Snooze, State, Step, SubjectState, subject_key};
use crate::{
    alert::{
        card::{Attachment, Message, Severity},
        class::Class,
        facts::Facts,
        notice::{Notice, NoticeId},
        text::{Context, incident as text},
    },
    units::UnixSeconds,
};

/// A change of the incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentChange {
    /// A subject is found that was not before, or in another scope.
    Seen {
        /// Its class.
        class: Class,
        /// The subject.
        subject: String,
        /// Where it was learned.
        scope: String,
        /// Whether a new spell begins, with its ladder from the bottom.
        forget_rungs: bool,
    },
    /// A subject is no longer found.
    Gone {
        /// Its class.
        class: Class,
        /// The subject.
        subject: String,
    },
    /// A new incident.
    Open(Box<Opening>),
    /// An incident that ended a moment ago goes on.
    Reopen {
        /// Its id.
        id: NoticeId,
        /// What is known now.
        facts: Box<Facts>,
        /// How much it matters now.
        severity: Severity,
        /// Where it was learned.
        scope: String,
    },
    /// Its facts changed: its card is edited.
    Update {
        /// Its id.
        id: NoticeId,
        /// What is known now.
        facts: Box<Facts>,
        /// How much it matters now.
        severity: Severity,
        /// Where it was learned.
        scope: String,
    },
    /// It is no longer found, which is not believed yet.
    Absent {
        /// Its id.
        id: NoticeId,
    },
    /// It is found again before its end was believed.
    Back {
        /// Its id.
        id: NoticeId,
    },
    /// Its snooze is over.
    Wake {
        /// Its id.
        id: NoticeId,
        /// Whether a change ended it, and not time.
        is_changed: bool,
    },
    /// A rung was crossed.
    Rung {
        /// Its id.
        id: NoticeId,
        /// Name of the highest rung.
        rung: String,
        /// How many members of a group crossed it.
        count: u64,
        /// The rungs that are behind each subject now.
        told: Vec<(String, Vec<String>)>,
        /// Whether anybody hears of it.
        is_told: bool,
    },
    /// It is over.
    Resolve {
        /// Its id.
        id: NoticeId,
    },
}

/// An incident that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Its class.
    pub class: Class,
    /// The subject.
    pub subject: String,
    /// Where it was learned.
    pub scope: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is known.
    pub facts: Facts,
    /// All members of a group.
    pub file: Option<Attachment>,
    /// Whether a rung's reply follows and wakes people in place of the card.
    pub is_followed: bool,
}

impl Incidents {
    /// Writes down changes in their order and gives the notices that they owe: at most one for each card and each reply.
    pub fn apply_all(
        &mut self,
        changes: Vec<IncidentChange>,
        now: UnixSeconds,
        context: &Context<'_>,
    ) -> Vec<Notice> {
        let mut notices: Vec<Notice> = Vec::new();
        for change in changes {
            for notice in self.apply(change, now, context) {
                match notices.iter_mut().find(|owed| owed.id == notice.id) {
                    Some(owed) => renew(owed, notice),
                    None => notices.push(notice),
                }
            }
        }
        self.prune(now);
        notices
    }

    /// Writes down a change and gives the notices that it owes. A card's notice has the same id every time.
    pub fn apply(
        &mut self,
        change: IncidentChange,
        now: UnixSeconds,
        context: &Context<'_>,
    ) -> Vec<Notice> {
        match change {
            IncidentChange::Seen {
                class,
                subject,
                scope,
                forget_rungs,
            } => {
                self.seen(class, &subject, scope, forget_rungs, now);
                Vec::new()
            }
            IncidentChange::Gone { class, subject } => {
                let gone = |row: &mut SubjectState| {
                    row.since = None;
                    row.gone_at = Some(now);
                };
                self.subjects.change(&subject_key(class, &subject), gone);
                Vec::new()
            }
            IncidentChange::Open(opening) => self.open_one(*opening, now, context),
            IncidentChange::Reopen {
                id,
                facts,
                severity,
                scope,
            } => self.edit(&id, context, Some(text::Reply::Again), |incident| {
                incident.state = State::Open;
                incident.absent_since = None;
                incident.facts = *facts;
                incident.severity = severity;
                incident.scope = scope;
                incident.note(now, None, Step::Reopened, None);
            }),
            IncidentChange::Update {
                id,
                facts,
                severity,
                scope,
            } => self.edit(&id, context, None, |incident| {
                incident.facts = *facts;
                incident.severity = severity;
                incident.scope = scope;
                incident.updated_at = now;
            }),
            IncidentChange::Absent { id } => self.mark(&id, Some(now)),
            IncidentChange::Back { id } => self.mark(&id, None),
            IncidentChange::Wake { id, is_changed } => {
                let reply = is_changed.then_some(text::Reply::Changed);
                self.edit(&id, context, reply, |incident| {
                    incident.state = State::Open;
                    incident.note(now, None, Step::Woken, None);
                })
            }
            IncidentChange::Rung {
                id,
                rung,
                count,
                told,
                is_told,
            } => self.rung(&id, &rung, count, told, is_told, now, context),
            IncidentChange::Resolve { id } => self.resolve(&id, now, context),
        }
    }

    fn seen(&mut self, class: Class, subject: &str, scope: String, forget: bool, now: UnixSeconds) {
        let key = subject_key(class, subject);
        self.subjects
            .change_or_make(&key, SubjectState::default, |row| {
                row.since = Some(row.since.unwrap_or(now));
                row.gone_at = None;
                row.scope = scope;
                if forget {
                    row.rungs.clear();
                }
            });
    }

    fn open_one(
        &mut self,
        opening: Opening,
        now: UnixSeconds,
        context: &Context<'_>,
    ) -> Vec<Notice> {
        let Opening {
            class,
            subject,
            scope,
            severity,
            facts,
            file,
            is_followed,
        } = opening;
        let key = subject_key(class, &subject);
        let occurrence = self
            .subjects
            .change_or_make(&key, SubjectState::default, |row| {
                row.raised = row.raised.saturating_add(1);
                row.raised
            });
        let id = NoticeId::new(&self.network, &subject, class, occurrence, "");
        let is_waking = severity == Severity::Critical && !is_followed;
        let mut incident = Incident {
            id: id.clone(),
            class,
            subject,
            scope,
            occurrence,
            state: State::Open,
            severity,
            facts,
            opened_at: now,
            updated_at: now,
            absent_since: None,
            rungs: Vec::new(),
            rung_at: None,
            replies: 0,
            has_woken: is_waking,
            timeline: Vec::new(),
        };
        incident.note(now, None, Step::Opened, None);
        let mut notice = card_notice(context, &incident);
        if is_waking {
            text::wake(context, &incident, &mut notice.message);
        }
        notice.message.attachments.extend(file);
        self.rows.put(id.as_str().to_owned(), incident);
        vec![notice]
    }

    fn mark(&mut self, id: &NoticeId, absent_since: Option<UnixSeconds>) -> Vec<Notice> {
        self.rows.change(&id.as_str().to_owned(), |incident| {
            incident.absent_since = absent_since;
        });
        Vec::new()
    }

    /// Changes an incident and owes its card, and a reply where there is something to notice.
    pub(super) fn edit(
        &mut self,
        id: &NoticeId,
        context: &Context<'_>,
        reply: Option<text::Reply>,
        change: impl FnOnce(&mut Incident),
    ) -> Vec<Notice> {
        let notices = self.rows.change(&id.as_str().to_owned(), |incident| {
            change(incident);
            let mut notices = vec![card_notice(context, incident)];
            if let Some(reply) = reply {
                incident.replies = incident.replies.saturating_add(1);
                let detail = format!("{}-{}", reply.name(), incident.replies);
                let message = text::reply(context, incident, reply);
                notices.push(reply_notice(context, incident, &detail, message));
            }
            notices
        });
        notices.unwrap_or_default()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one change, taken apart once"
    )]
    fn rung(
        &mut self,
        id: &NoticeId,
        rung: &str,
        count: u64,
        told: Vec<(String, Vec<String>)>,
        is_told: bool,
        now: UnixSeconds,
        context: &Context<'_>,
    ) -> Vec<Notice> {
        let Some(incident) = self.rows.row(&id.as_str().to_owned()) else {
            return Vec::new();
        };
        let class = incident.class;
        for (subject, rungs) in told {
            self.subjects.change_or_make(
                &subject_key(class, &subject),
                SubjectState::default,
                |row| {
                    row.rungs.extend(rungs);
                    row.rungs.sort();
                    row.rungs.dedup();
                },
            );
        }
        if !is_told {
            return self.edit(id, context, None, |incident| {
                incident.note(now, None, Step::Escalated(rung.to_owned()), None);
            });
        }
        let notices = self.rows.change(&id.as_str().to_owned(), |incident| {
            if matches!(incident.state, State::Snoozed(_)) {
                incident.state = State::Open;
            }
            let detail = detail_of(rung, &incident.rungs);
            incident.note(now, None, Step::Escalated(rung.to_owned()), None);
            incident.rungs.push(detail.clone());
            incident.rung_at = Some(now);
            incident.has_woken = true;
            let message = text::rung(context, incident, rung, count);
            vec![
                card_notice(context, incident),
                reply_notice(context, incident, &detail, message),
            ]
        });
        notices.unwrap_or_default()
    }

    fn resolve(&mut self, id: &NoticeId, now: UnixSeconds, context: &Context<'_>) -> Vec<Notice> {
        let row = self.rows.row(&id.as_str().to_owned());
        let Some(incident) = row.filter(|incident| incident.is_open()) else {
            return Vec::new();
        };
        let reply = incident.has_woken.then_some(text::Reply::Resolved);
        self.edit(id, context, reply, |incident| {
            incident.state = State::Resolved;
            incident.absent_since = None;
            incident.note(now, None, Step::Resolved, None);
        })
    }
}

/// A rung is told once; a group tells it again for further members, with an ordinal.
fn detail_of(rung: &str, told: &[String]) -> String {
    let again = format!("{rung}-");
    let before = told
        .iter()
        .filter(|name| *name == rung || name.starts_with(&again))
        .count();
    match before {
        0 => rung.to_owned(),
        before => format!("{rung}-{}", before + 1),
    }
}

/// The same card with newer content keeps what only a new message has: its line, its mention, its files.
fn renew(owed: &mut Notice, newer: Notice) {
    owed.row = newer.row;
    owed.message.cards = newer.message.cards;
    owed.message.table = newer.message.table;
}

pub(super) fn card_notice(context: &Context<'_>, incident: &Incident) -> Notice {
    notice(
        context,
        incident,
        incident.id.clone(),
        None,
        text::card(context, incident),
    )
}

fn reply_notice(
    context: &Context<'_>,
    incident: &Incident,
    detail: &str,
    message: Message,
) -> Notice {
    let id = NoticeId::new(
        context.network,
        &incident.subject,
        incident.class,
        incident.occurrence,
        detail,
    );
    notice(context, incident, id, Some(incident.id.clone()), message)
}

fn notice(
    context: &Context<'_>,
    incident: &Incident,
    id: NoticeId,
    reply_to: Option<NoticeId>,
    message: Message,
) -> Notice {
    Notice {
        id,
        class: incident.class,
        route: incident.class.route(),
        message,
        row: text::row_of(context, incident),
        cause: None,
        reply_to,
    }
}

/// Whether two snoozes are the same.
pub(super) fn is_same(state: State, snooze: Snooze) -> bool {
    matches!(state, State::Snoozed(present) if present == snooze)
}
