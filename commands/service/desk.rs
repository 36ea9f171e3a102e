//! The desk of the running service: what people ask in Discord, done on the committed state.

use std::sync::Arc;

use futures::future::BoxFuture;
use steward::{
    alert::{
        card::{Attachment, Card, Message, Severity, Span, Text},
        fit::footer,
        incident::{Action, Incident, Refused, Snooze},
        notice::NoticeId,
        text::incident::timeline_line,
    },
    desk::{Act, ActError},
    service::Service,
    units::UnixSeconds,
    writer::CommitError,
};

use crate::{
    discord::errors::{Failure, UserError},
    slash::{Desk, Person},
};

/// Does what people ask, on a running service.
#[derive(Debug)]
pub struct ServiceDesk {
    service: Arc<Service>,
}

impl ServiceDesk {
    /// The desk of a service.
    #[must_use]
    pub const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    async fn act(
        &self,
        person: &Person,
        incident: String,
        action: Action,
        done: &str,
    ) -> Result<Message, Failure> {
        let act = Act {
            incident,
            action,
            actor: person.name.clone(),
            reason: None,
        };
        let now_ms = self.service.clock.now_ms();
        let acted = self
            .service
            .writer
            .commit(|state, _| self.service.desk.act(state, &act, now_ms));
        let id = acted.await.map_err(refused)?;
        Ok(said(done, &id, UnixSeconds::new(now_ms / 1000)))
    }
}

/// A person's mistake, or a disk that failed.
fn refused(error: CommitError<ActError>) -> Failure {
    match error {
        CommitError::Refused(error) => Failure::User(sentence(&error)),
        CommitError::Store(error) => {
            Failure::Internal(anyhow::Error::new(error).context("the commit failed"))
        }
    }
}

/// The three parts of a refusal.
fn sentence(error: &ActError) -> UserError {
    let text = error.to_string();
    let next = match error {
        ActError::Refused(Refused::Unknown(_)) => "See /incident list.",
        ActError::Refused(Refused::Resolved(_) | Refused::Empty | Refused::Past) => {
            "Nothing was changed."
        }
        ActError::UnknownNetwork(_) => "See /status.",
    };
    let (what, why) = text.split_once(". ").unwrap_or((&text, ""));
    UserError {
        what: format!("{}.", what.trim_end_matches('.')),
        why: why.to_owned(),
        next: next.to_owned(),
    }
}

fn said(done: &str, id: &NoticeId, at: UnixSeconds) -> Message {
    let body = Text::from(Span::Code(id.as_str().to_owned()));
    message(Severity::Info, Text::plain(done), vec![body], at)
}

fn message(severity: Severity, title: Text, body: Vec<Text>, at: UnixSeconds) -> Message {
    let card = Card {
        severity,
        author: Text::default(),
        title,
        body,
        fields: Vec::new(),
        footer: footer("", env!("CARGO_PKG_VERSION")),
        at,
        buttons: Vec::new(),
    };
    Message {
        cards: vec![card],
        ..Message::default()
    }
}

/// What happened to an incident, all of it, with the record as a file.
fn explained(incident: &Incident, at: UnixSeconds) -> Result<Message, Failure> {
    let title = Text::plain(format!("{} ", incident.class.name()))
        .with(Span::Foreign(incident.subject.clone()));
    let lines = incident.timeline.iter().map(timeline_line).collect();
    let mut message = message(incident.severity, title, lines, at);
    let text = serde_json::to_string_pretty(incident).map_err(anyhow::Error::new)?;
    message.attachments.push(Attachment {
        name: "why.json".to_owned(),
        text,
    });
    Ok(message)
}

impl Desk for ServiceDesk {
    fn acknowledge<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        let done = "Incident acknowledged";
        Box::pin(self.act(person, incident, Action::Acknowledge, done))
    }

    fn snooze<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
        seconds: Option<u64>,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        let now = self.service.clock.now();
        let snooze = seconds.map_or(Snooze::UntilChanged, |seconds| {
            Snooze::Until(UnixSeconds::new(now.value().saturating_add(seconds)))
        });
        Box::pin(self.act(person, incident, Action::Snooze(snooze), "Incident snoozed"))
    }

    fn why<'a>(
        &'a self,
        _person: &'a Person,
        subject: String,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move {
            let state = self.service.writer.read().await;
            let mut networks = state.incidents.values();
            let incident = networks.find_map(|incidents| incidents.find(&subject));
            let incident = incident
                .ok_or_else(|| sentence(&ActError::Refused(Refused::Unknown(subject.clone()))))?;
            explained(incident, self.service.clock.now())
        })
    }

    fn test_alert<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move {
            let now_ms = self.service.clock.now_ms();
            let network = self.service.networks.keys().next().cloned();
            let network = network.unwrap_or_default();
            let desk = &self.service.desk;
            let tested = self
                .service
                .writer
                .commit(|state, _| desk.test(state, &network, &person.name, now_ms));
            let id = tested.await.map_err(refused)?;
            let at = UnixSeconds::new(now_ms / 1000);
            Ok(said("A test card is on its way", &id, at))
        })
    }
}
