//! What a process asks of its allocator.

use tikv_jemalloc_ctl::{Access as _, AsName as _};

/// Longer than any question takes, in ms.
const KEPT_MS: isize = 60_000;

/// Keeps the pages that are freed from now on, for a process that ends soon: giving each back at once, as the service does
/// (`.cargo/config.toml`), is a third of the time that a question takes.
pub(crate) fn keep_freed_pages() {
    let decay = b"arena.0.dirty_decay_ms\0"[..].name();
    // Another allocator knows no such name, and needs no such word.
    if let Err(error) = decay.write(KEPT_MS) {
        tracing::debug!(%error, "the allocator gives freed pages back at once");
    }
}
