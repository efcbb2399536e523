//! The names of the keys. All of a queue's keys share one hash tag, `{name}`, so on a Redis Cluster
//! they live in one slot, where scripts may touch several of them.

use super::job::Lane;

/// The consumer group of both lanes.
pub(super) const GROUP: &str = "workers";

/// The consumer that returned jobs are assigned to, so that any worker can claim them at once. No worker
/// has this name, because theirs end with a dash and eight digits.
pub(super) const UNASSIGNED: &str = "unassigned";

/// The keys of one queue.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    streams: [String; 2],
    delayed: String,
    payloads: String,
    ready: String,
    outbox: String,
    budget: String,
    budgets: String,
    paused: String,
    workers: String,
    cards: String,
    flow: String,
    marker: String,
}

impl Keys {
    pub(super) fn new(name: &str) -> Self {
        Self {
            streams: Lane::ALL.map(|lane| format!("{{{name}}}:{lane}")),
            delayed: format!("{{{name}}}:delayed"),
            payloads: format!("{{{name}}}:delayed:jobs"),
            ready: format!("{{{name}}}:ready"),
            outbox: format!("{{{name}}}:outbox"),
            budget: format!("{{{name}}}:budget:"),
            budgets: format!("{{{name}}}:budgets"),
            paused: format!("{{{name}}}:paused"),
            workers: format!("{{{name}}}:workers"),
            cards: format!("{{{name}}}:workers:cards"),
            flow: format!("{{{name}}}:flow:"),
            marker: format!("{{{name}}}:marker"),
        }
    }

    /// A lane's stream.
    pub(super) fn stream(&self, lane: Lane) -> &str {
        &self.streams[lane.index()]
    }

    /// Sorted set: token of a delayed job → when it is due, in Unix milliseconds of Redis' clock.
    pub(super) fn delayed(&self) -> &str {
        &self.delayed
    }

    /// Hash: token:m, token:b, token:l → meta, body and lane of a delayed job.
    pub(super) fn payloads(&self) -> &str {
        &self.payloads
    }

    /// Written to find out whether Redis takes writes.
    pub(super) fn ready(&self) -> &str {
        &self.ready
    }

    /// Stream: notifications for the product.
    pub(super) fn outbox(&self) -> &str {
        &self.outbox
    }

    /// A bucket of the limiter.
    pub(super) fn budget(&self, bucket: &str) -> String {
        format!("{}{bucket}", self.budget)
    }

    /// Sorted set: bucket of the limiter → when it was last drawn on, in Unix milliseconds.
    pub(super) fn budgets(&self) -> &str {
        &self.budgets
    }

    /// Hash: lane → who paused it, why and since when.
    pub(super) fn paused(&self) -> &str {
        &self.paused
    }

    /// Sorted set: worker → when it last reported itself, in Unix milliseconds of Redis' clock.
    pub(super) fn workers(&self) -> &str {
        &self.workers
    }

    /// Hash: worker → what it said of itself.
    pub(super) fn cards(&self) -> &str {
        &self.cards
    }

    /// Hash: by which a loss of the queue is noticed. Never expires.
    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// Hash of one hour: `a` or `f` and the minute → jobs that arrived or were finished in it. The
    /// hour is that of Unix time.
    pub(super) fn flow(&self, hour: u64) -> String {
        format!("{}{hour}", self.flow)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripts;
    use super::*;

    /// CRC16/XMODEM of the hash tag, modulo 16384 (Redis Cluster specification, "Key distribution
    /// model").
    fn slot(key: &str) -> u16 {
        let tag = match key.find('{').map(|open| (open, key[open + 1..].find('}'))) {
            Some((open, Some(length))) if length > 0 => &key[open + 1..open + 1 + length],
            _ => key,
        };
        let crc = tag.bytes().fold(0u16, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            })
        });
        crc % 16384
    }

    #[test]
    fn the_slot_function_agrees_with_redis() {
        // From `CLUSTER KEYSLOT`.
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!(slot("foo{hash_tag}"), slot("hash_tag"));
        assert_eq!(slot("somekey"), 11058);
    }

    #[test]
    fn all_keys_of_every_script_and_command_hash_to_one_slot() {
        let keys = Keys::new("quittance");
        let expected = slot("quittance");
        let mut of_commands =
            vec![keys.ready(), keys.outbox(), keys.paused(), keys.workers(), keys.cards()];
        let mut of_commands: Vec<_> = of_commands.drain(..).map(str::to_owned).collect();
        of_commands.extend([keys.budget("acct_1:{x}"), keys.flow(5)]);
        of_commands.extend(Lane::ALL.map(|lane| keys.stream(lane).to_owned()));
        for key in of_commands {
            assert_eq!(slot(&key), expected, "{key}");
        }
        for script in scripts::ALL {
            for lane in Lane::ALL {
                let used = (script.keys)(&keys, lane, "acct_1:{x}");
                assert!(!used.is_empty(), "{}", script.name);
                for key in used {
                    assert_eq!(slot(&key), expected, "{} uses {key}", script.name);
                }
            }
        }
    }
}
