//! The program's log, kept for a test to read.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// Keeps all that is logged on this thread from here on. A test's runtime has but this thread, so
/// that is all that its tasks log.
pub(crate) struct Logs {
    kept: Kept,
    _guard: DefaultGuard,
}

/// Listens to nothing, and never says so for good.
///
/// While there is but one subscriber, tracing-core (0.1.36, `Rebuilder::JustOne`) asks whether anybody
/// wants an event of the thread that logs it first. On the thread of a test that captures nothing the
/// answer is no, for the whole process, and the one subscriber never hears of it.
static COMPANY: LazyLock<Dispatch> = LazyLock::new(|| {
    Dispatch::new(tracing_subscriber::registry().with(dynamic_filter_fn(|_, _| false)))
});

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub(crate) fn capture(level: LevelFilter) -> Self {
        LazyLock::force(&COMPANY);
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(kept.clone())
            .finish();
        Self { kept, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.kept.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines whose message begins like this.
    pub(crate) fn saying(&self, begin: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| {
                line["fields"]["message"].as_str().is_some_and(|text| text.starts_with(begin))
            })
            .collect()
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn what_another_thread_was_the_first_to_log_is_captured() {
    fn logs() {
        tracing::info!("logged");
    }
    let captured = Logs::capture(LevelFilter::INFO);
    std::thread::spawn(logs).join().unwrap();
    logs();
    assert_eq!(captured.saying("logged").len(), 1);
}
