//! What the gateway remembers across restarts, in the store: which commands were registered last, and how often it
//! introduced itself.

use std::sync::Arc;

use anyhow::Context as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use steward::{
    state::State,
    store::{
        Tree,
        table::{Journal as _, Record, Table},
    },
    units::UnixSeconds,
    writer::Writer,
};

use crate::discord::registration::Memory;

/// The set of commands that Discord was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RegisteredCommands {
    /// Its hash, as `discord::registration` counts it.
    hash: String,
}

impl Record for RegisteredCommands {
    const KIND: &'static str = "discord-commands";
    const TREE: Tree = Tree::Meta;
    type Key = ();
}

/// When the gateway introduced itself within the last day.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Introductions {
    /// Oldest first.
    at: Vec<UnixSeconds>,
}

impl Record for Introductions {
    const KIND: &'static str = "discord-identifies";
    const TREE: Tree = Tree::Meta;
    type Key = ();
}

/// Remembers in the service's store.
#[derive(Debug)]
pub struct StoreMemory {
    writer: Arc<Writer<State>>,
}

impl StoreMemory {
    /// A memory in the store of `writer`.
    #[must_use]
    pub const fn new(writer: Arc<Writer<State>>) -> Self {
        Self { writer }
    }

    fn recalled<R: Record<Key = ()>>(&self) -> anyhow::Result<Option<R>> {
        let table = Table::<R>::load("", self.writer.store().as_ref());
        let table = table.with_context(|| format!("cannot read {}", R::KIND))?;
        Ok(table.row(&()).cloned())
    }

    async fn kept<R: Record<Key = ()> + Send>(&self, record: R) -> anyhow::Result<()> {
        let mut table = Table::load("", self.writer.store().as_ref())
            .with_context(|| format!("cannot read {}", R::KIND))?;
        table.put((), record);
        let committed = self.writer.commit(|_, extra| {
            // Nothing here is derived from blocks, so there is nothing to undo.
            table.drain(&mut extra.batch, None)
        });
        committed
            .await
            .with_context(|| format!("cannot keep {}", R::KIND))
    }
}

impl Memory for StoreMemory {
    fn recall(&self) -> BoxFuture<'_, anyhow::Result<Option<String>>> {
        Box::pin(async {
            let registered = self.recalled::<RegisteredCommands>()?;
            Ok(registered.map(|registered| registered.hash))
        })
    }

    fn keep(&self, hash: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.kept(RegisteredCommands { hash }))
    }

    fn recall_identifies(&self) -> BoxFuture<'_, anyhow::Result<Vec<UnixSeconds>>> {
        Box::pin(async {
            let introduced = self.recalled::<Introductions>()?;
            Ok(introduced.unwrap_or_default().at)
        })
    }

    fn keep_identifies(&self, at: Vec<UnixSeconds>) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.kept(Introductions { at }))
    }
}
