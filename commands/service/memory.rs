//! Which commands were registered last, kept in the store across restarts.

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

    fn table(&self) -> anyhow::Result<Table<RegisteredCommands>> {
        Table::load("", self.writer.store().as_ref())
            .context("cannot read which commands are registered")
    }
}

impl Memory for StoreMemory {
    fn recall(&self) -> BoxFuture<'_, anyhow::Result<Option<String>>> {
        Box::pin(async {
            let table = self.table()?;
            Ok(table.row(&()).map(|registered| registered.hash.clone()))
        })
    }

    fn keep(&self, hash: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let mut table = self.table()?;
            table.put((), RegisteredCommands { hash });
            let committed = self.writer.commit(|_, extra| {
                // Nothing here is derived from blocks, so there is nothing to undo.
                table.drain(&mut extra.batch, None)
            });
            committed
                .await
                .context("cannot keep which commands are registered")
        })
    }
}
