//! The canary of the running service: when it beats, what it says, and whom it feeds.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Service, pulse::Vigil, run::RunError};
use crate::{
    canary::{self, Perch, confirm::Switch},
    config::Config,
    outbox::courier::ChannelId,
    writer::CommitError,
};

/// How long the switch may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A dead man's switch behind an address that is fetched.
#[derive(Debug)]
pub struct HttpSwitch {
    client: reqwest::Client,
    url: SecretString,
}

impl HttpSwitch {
    /// The switch behind `url`.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn new(url: SecretString) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder().timeout(TIMEOUT);
        // What redirects is not the switch: a login page would count as fed.
        let client = builder
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, url })
    }
}

impl Switch for HttpSwitch {
    fn feed(&self) -> BoxFuture<'_, Result<(), String>> {
        async {
            let asked = self.client.get(self.url.expose_secret()).send().await;
            let answer = asked.map_err(|error| {
                // The address is a secret, and reqwest tells it.
                crate::tasks::chain_of(&error.without_url())
            })?;
            if answer.status().is_success() {
                Ok(())
            } else {
                Err(format!("it answered {}", answer.status()))
            }
        }
        .boxed()
    }
}

/// The switch of the configuration.
///
/// # Errors
/// As [`HttpSwitch::new`].
pub(super) fn switch(config: &Config) -> Result<Option<Arc<dyn Switch>>, reqwest::Error> {
    let url = config.canary.dead_man.clone();
    url.map(|url| HttpSwitch::new(url).map(|switch| Arc::new(switch) as Arc<dyn Switch>))
        .transpose()
}

impl Service {
    fn perch(&self) -> Option<Perch> {
        let channel = self.config.discord.as_ref()?.channels.canary?;
        Some(Perch {
            channel: ChannelId(channel.value()),
            interval: self.config.canary.interval,
        })
    }

    /// Lets the canary take a step. It does not beat while a watcher stands still: then somebody else must be told.
    ///
    /// # Errors
    /// [`RunError::Store`] where the disk failed.
    pub async fn step_canary(&self, vigil: &mut Vigil) -> Result<(), RunError> {
        let now_ms = self.clock.now_ms();
        let still = vigil.standing_still(Duration::from_millis(now_ms), &self.beats());
        let perch = self.perch();
        let committed = self.writer.commit(|state, _| {
            canary::step(
                state,
                perch,
                still.is_empty(),
                now_ms,
                |state, canary, id| self.desk.canary(state, canary, id, now_ms),
            );
            Ok::<_, std::convert::Infallible>(())
        });
        match committed.await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Refused(never)) => match never {},
        }
    }
}
