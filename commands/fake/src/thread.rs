//! Opening threads, on a message or free (resources/channel.mdx, "Start Thread ...").

use crate::answer::{Answer, Faults, Outcome};
use crate::permission::CREATE_PUBLIC_THREADS;
use crate::request::Request;
use crate::snowflake::Snowflake;
use crate::spec::ChannelSpec;
use crate::world::World;

/// A thread that nobody is invited to; what a free thread is when no type is told.
const PRIVATE_THREAD: u8 = 12;
/// A thread that everybody in the channel sees.
const PUBLIC_THREAD: u8 = 11;

impl World {
    pub(crate) fn open_thread(
        &mut self,
        request: &Request,
        channel: Snowflake,
        on: Option<Snowflake>,
    ) -> Outcome {
        self.may(channel, CREATE_PUBLIC_THREADS)?;
        if let Some(on) = on
            && self.public_message(channel, on)?.thread.is_some()
        {
            return Err(Answer::refusal(
                400,
                160_004,
                "A thread has already been created for this message",
            ));
        }
        let body = request.body();
        let mut faults = Faults::default();
        let name = body["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.chars().count() > 100 {
            faults.add(
                "name",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            );
        }
        self.form(request, faults)?;
        // A thread on a message carries the message's id.
        let id = on.unwrap_or_else(|| self.next_id());
        let told = body["type"]
            .as_u64()
            .and_then(|kind| u8::try_from(kind).ok());
        let kind = if on.is_some() {
            PUBLIC_THREAD
        } else {
            told.unwrap_or(PRIVATE_THREAD)
        };
        let thread = ChannelSpec {
            kind,
            parent: Some(channel),
            ..ChannelSpec::text(id, name)
        };
        if let Some(message) = on.and_then(|on| self.messages.get_mut(&on)) {
            message.thread = Some(id);
        }
        let value = self.channel_json(&thread);
        self.channels.insert(id, thread);
        self.dispatch("THREAD_CREATE", &value);
        Ok(Answer::created(value))
    }
}
