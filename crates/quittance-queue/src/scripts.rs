//! The Lua scripts: what has to be one step in Redis. Each touches a bounded number of jobs, gets
//! every key that it uses in `KEYS`, and is safe to repeat when its answer was lost.

use std::sync::LazyLock;

use redis::{FromRedisValue, RedisResult, ToRedisArgs, aio::MultiplexedConnection};

use super::job::Lane;
use super::keys::Keys;

/// The most jobs that one call moves, claims or renews.
pub(super) const LIMIT: usize = 100;

/// No arguments beyond the fixed ones.
pub(super) const NO_MORE: &[&str] = &[];

/// One script.
pub(super) struct Script {
    pub(super) name: &'static str,
    /// The keys that it is given. The last argument is the limiter's bucket.
    pub(super) keys: fn(&Keys, Lane, &str) -> Vec<String>,
    compiled: LazyLock<redis::Script>,
}

impl Script {
    /// Calls it. Redis forgets scripts when it restarts; a script that it does not know is loaded.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        mut connection: MultiplexedConnection,
        keys: Vec<String>,
        fixed: &[&str],
        rest: &[impl ToRedisArgs],
    ) -> RedisResult<T> {
        let mut call = self.compiled.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in fixed {
            call.arg(*argument);
        }
        for argument in rest {
            call.arg(argument);
        }
        tracing::trace!(script = self.name, "calling a script");
        call.invoke_async(&mut connection).await
    }
}

/// Redis 6.2 replicates a script as text by default, and then refuses a write after a
/// look at the clock. From 7.0 on this is the only way and the call does nothing.
macro_rules! text {
    ($file:literal) => {
        concat!(
            "if redis.replicate_commands then redis.replicate_commands() end\n",
            include_str!(concat!("lua/", $file, ".lua"))
        )
    };
}

macro_rules! scripts {
    ($($name:ident = $file:literal, $keys:expr;)*) => {
        $(pub(super) static $name: Script = Script {
            name: $file,
            keys: $keys,
            compiled: LazyLock::new(|| redis::Script::new(text!($file))),
        };)*

        /// Every script, for the test that looks at their keys.
        #[cfg(test)]
        pub(super) static ALL: &[&Script] = &[$(&$name),*];
    };
}

fn stream(keys: &Keys, lane: Lane, _: &str) -> Vec<String> {
    vec![keys.stream(lane).to_owned()]
}

fn budget(keys: &Keys, _: Lane, bucket: &str) -> Vec<String> {
    vec![keys.budget(bucket), keys.budgets().to_owned()]
}

fn roster(keys: &Keys, _: Lane, _: &str) -> Vec<String> {
    vec![keys.workers().to_owned(), keys.cards().to_owned()]
}

scripts! {
    TAKE_OVER = "take_over", stream;
    ADOPT = "adopt", stream;
    BEGIN = "begin", stream;
    RENEW = "renew", stream;
    HAND_BACK = "hand_back", stream;
    ACKNOWLEDGE = "acknowledge", stream;
    ORPHANS = "orphans", stream;
    FORGET = "forget", stream;
    LEAVE = "leave", stream;
    RESCHEDULE = "reschedule", |keys, lane, _| vec![
        keys.stream(lane).to_owned(),
        keys.delayed().to_owned(),
        keys.payloads().to_owned(),
        keys.marker().to_owned(),
    ];
    LATER = "later", |keys, _, _| vec![
        keys.delayed().to_owned(),
        keys.payloads().to_owned(),
        keys.marker().to_owned(),
    ];
    ESTABLISH = "establish", |keys, _, _| vec![
        keys.stream(Lane::Live).to_owned(),
        keys.stream(Lane::Backfill).to_owned(),
        keys.delayed().to_owned(),
        keys.payloads().to_owned(),
        keys.marker().to_owned(),
    ];
    PROMOTE = "promote", |keys, _, _| vec![
        keys.delayed().to_owned(),
        keys.payloads().to_owned(),
        keys.stream(Lane::Live).to_owned(),
        keys.stream(Lane::Backfill).to_owned(),
        keys.marker().to_owned(),
    ];
    DEPTH = "depth", |keys, _, _| vec![
        keys.stream(Lane::Live).to_owned(),
        keys.stream(Lane::Backfill).to_owned(),
        keys.delayed().to_owned(),
    ];
    PEEK_STREAM = "peek_stream", stream;
    PEEK_DELAYED = "peek_delayed", |keys, _, _| vec![
        keys.delayed().to_owned(),
        keys.payloads().to_owned(),
    ];
    EVENTS_OF = "events_of", stream;
    PAUSE = "pause", |keys, _, _| vec![keys.paused().to_owned()];
    REPORT = "report", roster;
    ROSTER = "roster", roster;
    BUDGET_TAKE = "budget_take", budget;
    BUDGET_SLOW = "budget_slow", budget;
}
