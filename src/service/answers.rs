//! The service answers questions and carries out orders.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;

use super::Service;
use crate::{
    alert::incident::{Action, Snooze},
    api::control::{Command, Control, Done, Order},
    desk::{Act, ActError},
    jobs::job::Action as JobAction,
    outbox::{Ask, operate},
    provider::coinbase::CommonCoinbases,
    state::State,
    tasks::chain_of,
    units::UnixSeconds,
    version::{REVISION, VERSION},
    views::{Answers, Build, Gateway, Glance, Look, NetworkGlance, Refusal, RefusalKind},
    writer::CommitError,
};

impl Service {
    fn glances(&self, state: &State) -> BTreeMap<String, NetworkGlance> {
        self.networks
            .iter()
            .map(|(name, part)| {
                let network = &part.config.network;
                let mut glance = NetworkGlance::new(network.chain_id);
                glance.provider = self.desk.provider(state, name);
                glance
                    .provider_label
                    .clone_from(&part.config.provider_label);
                glance.explorer = network
                    .explorer
                    .as_ref()
                    .map(|explorer| explorer.base_url().to_owned());
                glance.endpoints = part.endpoints.health();
                glance.leader = part.endpoints.leader();
                glance.keys = self
                    .desk
                    .keys(name)
                    .map(|observation| Arc::clone(&observation.keys));
                glance.common_coinbases =
                    CommonCoinbases::new(part.config.common_coinbases.iter().copied());
                let has_clock = super::build::CLOCKED_CHAINS.contains(&network.chain_id);
                glance.head_age_seconds_max = glance.head_age_seconds_max.filter(|_| has_clock);
                (name.clone(), glance)
            })
            .collect()
    }

    /// What this program is.
    #[must_use]
    pub fn build(&self) -> Build {
        Build {
            version: VERSION.to_owned(),
            revision: REVISION.to_owned(),
            started_at: self.started_at,
        }
    }

    /// Tells how the gateway stands; whoever runs it says so.
    pub fn set_gateway(&self, gateway: Gateway) {
        self.gateway.send_replace(gateway);
    }

    async fn act(
        &self,
        by: &str,
        incident: String,
        action: Action,
        reason: Option<String>,
    ) -> Result<Done, Refusal> {
        let said = match &action {
            Action::Acknowledge => "acknowledged",
            Action::Snooze(_) => "snoozed",
            Action::Unsnooze => "woken",
            Action::Note => "noted",
        };
        let act = Act {
            incident,
            action,
            actor: by.to_owned(),
            reason,
        };
        let now_ms = self.clock.now_ms();
        let id = self
            .writer
            .commit(|state, _| self.desk.act(state, &act, now_ms))
            .await
            .map_err(of_act)?;
        Ok(Done {
            text: format!("The incident {id} is {said}."),
            subject: id.as_str().to_owned(),
        })
    }

    async fn operate(
        &self,
        by: &str,
        job: u64,
        action: JobAction,
        reason: String,
    ) -> Result<Done, Refusal> {
        let ask = Ask {
            job,
            action,
            actor: by.to_owned(),
            reason,
        };
        let now_ms = self.clock.now_ms();
        let done = self
            .writer
            .commit(|state, extra| operate(state, extra, &ask, now_ms))
            .await;
        match done {
            Ok(()) => Ok(Done {
                text: match action {
                    JobAction::Retry => format!("Job {job} is tried again."),
                    JobAction::Cancel => format!("Job {job} is cancelled."),
                    JobAction::Verify => format!("Job {job} looks again whether it is done."),
                },
                subject: job.to_string(),
            }),
            Err(CommitError::Refused(error)) => Err(Refusal::new(
                RefusalKind::Conflict,
                format!("job {job} cannot {}", action.name()),
                error.to_string(),
            )
            .with_next("Look at it with `steward job show`.")),
            Err(CommitError::Store(error)) => Err(Refusal::of_store(&error)),
        }
    }

    async fn resume(&self, by: &str, network: &str, reason: &str) -> Result<Done, Refusal> {
        let part = self.networks.get(network).ok_or_else(|| {
            let names: Vec<&str> = self.networks.keys().map(String::as_str).collect();
            let what = format!("there is no network {network}");
            let why = format!("the networks are {}", names.join(", "));
            Refusal::new(RefusalKind::NotFound, what, why).with_next("Name one of them.")
        })?;
        let resumed = part.watcher.resume(by, reason).await;
        let resumption = resumed.map_err(|error| {
            let what = format!("{network} is not read again");
            Refusal::new(RefusalKind::Conflict, what, chain_of(&error))
                .with_next("Look at it with `steward status`.")
        })?;
        Ok(Done {
            text: format!(
                "{network} is read again from its first block; nothing up to block {} is announced again.",
                resumption.floor
            ),
            subject: network.to_owned(),
        })
    }

    async fn test(&self, by: &str, network: Option<String>) -> Result<Done, Refusal> {
        let network = network
            .or_else(|| self.networks.keys().next().cloned())
            .unwrap_or_default();
        let now_ms = self.clock.now_ms();
        let id = self
            .writer
            .commit(|state, _| self.desk.test(state, &network, by, now_ms))
            .await
            .map_err(of_act)?;
        let text = "A test card is on its way through commit, outbox and Discord.".to_owned();
        Ok(Done {
            text,
            subject: id.as_str().to_owned(),
        })
    }
}

fn of_act(error: CommitError<ActError>) -> Refusal {
    match error {
        CommitError::Refused(refused) => Refusal::new(
            RefusalKind::Conflict,
            "it was not done",
            refused.to_string(),
        )
        .with_next("Look at the incidents with `steward incident list`."),
        CommitError::Store(error) => Refusal::of_store(&error),
    }
}

impl Answers for Service {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let state = self.writer.read().await;
            let networks = self.glances(&state);
            let gateway = self.gateway.borrow().clone();
            let build = self.build();
            look(&Glance {
                state: &state,
                store: self.writer.store().as_ref(),
                now_ms: self.clock.now_ms(),
                networks: &networks,
                gateway: &gateway,
                build: &build,
            });
        })
    }
}

impl Control for Service {
    fn carry_out(&self, command: Command) -> BoxFuture<'_, Result<Done, Refusal>> {
        Box::pin(async move {
            let by = command.by.as_str();
            match command.order {
                Order::AcknowledgeIncident { incident } => {
                    self.act(by, incident, Action::Acknowledge, None).await
                }
                Order::SnoozeIncident { incident, seconds } => {
                    let snooze = seconds.map_or(Snooze::UntilChanged, |seconds| {
                        Snooze::Until(UnixSeconds::new(
                            self.clock.now().value().saturating_add(seconds),
                        ))
                    });
                    self.act(by, incident, Action::Snooze(snooze), None).await
                }
                Order::NoteIncident { incident, text } => {
                    self.act(by, incident, Action::Note, Some(text)).await
                }
                Order::RetryJob { job, reason } => {
                    self.operate(by, job, JobAction::Retry, reason).await
                }
                Order::CancelJob { job, reason } => {
                    self.operate(by, job, JobAction::Cancel, reason).await
                }
                Order::VerifyJob { job, reason } => {
                    self.operate(by, job, JobAction::Verify, reason).await
                }
                Order::ResumeNetwork { network, reason } => {
                    self.resume(by, &network, &reason).await
                }
                Order::TestAlert { network } => self.test(by, network).await,
            }
        })
    }
}
