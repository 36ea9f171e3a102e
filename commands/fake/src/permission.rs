//! Permission bits and how Discord adds them up (topics/permissions.mdx).

use crate::snowflake::Snowflake;
use crate::spec::{ChannelSpec, Overwrite};

/// `ADMINISTRATOR`: everything, past all overwrites.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// `MANAGE_CHANNELS`.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// `VIEW_CHANNEL`: without it the answer is 403 with code 50001.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// `SEND_MESSAGES`.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// `MANAGE_MESSAGES`: delete other people's messages.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// `EMBED_LINKS`.
pub const EMBED_LINKS: u64 = 1 << 14;
/// `ATTACH_FILES`.
pub const ATTACH_FILES: u64 = 1 << 15;
/// `READ_MESSAGE_HISTORY`: without it a list of messages is empty.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// `MENTION_EVERYONE`: also needed to ping a role that is not mentionable.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// `MANAGE_ROLES`.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// `USE_APPLICATION_COMMANDS`.
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
/// `MANAGE_THREADS`.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// `CREATE_PUBLIC_THREADS`.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// `SEND_MESSAGES_IN_THREADS`.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
/// `PIN_MESSAGES`, split from `MANAGE_MESSAGES` in February 2026.
pub const PIN_MESSAGES: u64 = 1 << 51;
/// Every bit that is defined today (0 to 52).
pub const ALL: u64 = (1 << 53) - 1;

/// What an ordinary member may do; the permissions of `@everyone` in the default world.
pub const ORDINARY: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS;

/// Permissions of a member in a channel: roles added up, then the overwrites of `@everyone`, of the member's roles
/// together, and of the member.
pub(crate) fn in_channel(
    base: u64,
    channel: &ChannelSpec,
    guild: Snowflake,
    member: Snowflake,
    roles: &[Snowflake],
) -> u64 {
    if base & ADMINISTRATOR != 0 {
        return ALL;
    }
    let apply = |bits: u64, overwrite: &Overwrite| (bits & !overwrite.deny) | overwrite.allow;
    let mut bits = base;
    for overwrite in channel.overwrites.iter().filter(|o| o.id == guild) {
        bits = apply(bits, overwrite);
    }
    let (mut allow, mut deny) = (0, 0);
    for overwrite in channel.overwrites.iter().filter(|o| roles.contains(&o.id)) {
        allow |= overwrite.allow;
        deny |= overwrite.deny;
    }
    bits = (bits & !deny) | allow;
    for overwrite in channel.overwrites.iter().filter(|o| o.id == member) {
        bits = apply(bits, overwrite);
    }
    bits
}
