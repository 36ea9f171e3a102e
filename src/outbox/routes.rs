//! Where what is said goes.

use std::collections::BTreeMap;

use itertools::Itertools as _;

use super::courier::ChannelId;
use crate::alert::class::Route;

/// Which channels a network's notices go to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Routes {
    /// Per route the channel, and those to use when it is gone, in order.
    pub channels: BTreeMap<Route, Vec<ChannelId>>,
}

impl Routes {
    /// A channel for changes and digests, and one for alerts, each the fallback of the other.
    #[must_use]
    pub fn new(transitions: ChannelId, alerts: ChannelId) -> Self {
        Self {
            channels: BTreeMap::from([
                (Route::Transitions, distinct([transitions, alerts])),
                (Route::Alerts, distinct([alerts, transitions])),
                (Route::Digests, distinct([transitions, alerts])),
            ]),
        }
    }

    /// One route, to one channel and nowhere else.
    #[must_use]
    pub fn to_one(route: Route, channel: ChannelId) -> Self {
        Self {
            channels: BTreeMap::from([(route, vec![channel])]),
        }
    }

    /// Digests go to a channel of their own, and where that is gone, to those of changes.
    #[must_use]
    pub fn with_digests(mut self, channel: ChannelId) -> Self {
        let changes = self.of(Route::Transitions).to_vec();
        let channels = distinct(std::iter::once(channel).chain(changes));
        self.channels.insert(Route::Digests, channels);
        self
    }

    /// What cannot go where it should goes to `channel` before it goes anywhere else.
    #[must_use]
    pub fn with_fallback(mut self, channel: ChannelId) -> Self {
        for channels in self.channels.values_mut() {
            let rest = channels.split_off(channels.len().min(1));
            let all = channels.iter().copied().chain([channel]).chain(rest);
            *channels = distinct(all);
        }
        self
    }

    /// The channels of a route, first choice first; empty where none is configured.
    #[must_use]
    pub fn of(&self, route: Route) -> &[ChannelId] {
        self.channels.get(&route).map_or(&[], Vec::as_slice)
    }
}

/// Each once, in order.
fn distinct(channels: impl IntoIterator<Item = ChannelId>) -> Vec<ChannelId> {
    channels.into_iter().unique().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: ChannelId = ChannelId(1);
    const ALARMS: ChannelId = ChannelId(2);
    const DIGESTS: ChannelId = ChannelId(3);
    const SPARE: ChannelId = ChannelId(4);

    #[test]
    fn each_route_has_its_channel_and_others_behind_it() {
        let routes = Routes::new(NEWS, ALARMS).with_digests(DIGESTS);
        assert_eq!(routes.of(Route::Transitions), [NEWS, ALARMS]);
        assert_eq!(routes.of(Route::Alerts), [ALARMS, NEWS]);
        assert_eq!(routes.of(Route::Digests), [DIGESTS, NEWS, ALARMS]);
        let routes = routes.with_fallback(SPARE);
        assert_eq!(routes.of(Route::Transitions), [NEWS, SPARE, ALARMS]);
        assert_eq!(routes.of(Route::Digests), [DIGESTS, SPARE, NEWS, ALARMS]);
    }

    #[test]
    fn one_channel_for_everything_stands_once_in_each_route() {
        let routes = Routes::new(NEWS, NEWS)
            .with_digests(NEWS)
            .with_fallback(NEWS);
        for route in [Route::Transitions, Route::Alerts, Route::Digests] {
            assert_eq!(routes.of(route), [NEWS]);
        }
    }
}
