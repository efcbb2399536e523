//! A browser of a test's own.

use std::process::Stdio;

use fantoccini::{Client, ClientBuilder, Locator};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::within;

pub(super) struct Browser {
    pub(super) client: Client,
    driver: Group,
    _profile: TempDir,
}

/// The driver and the browser that it started, which is of its process group and would outlive it.
struct Group {
    id: Pid,
    _driver: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody of it may be left, and then there is nothing to do.
        let _ = killpg(self.id, Signal::SIGKILL);
    }
}

/// The first of some programs that is on PATH. The same places as in scripts/setup.sh.
fn program(names: &[&str]) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let found = names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    found.into_iter().find(|file| file.is_file())
}

impl Browser {
    /// One with nothing in it; none where there is none, and nobody demanded it.
    pub(super) async fn start(theme: &str) -> Option<Self> {
        let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
        let driver = program(&["chromedriver"]);
        let (Some(chromium), Some(driver)) = (chromium, driver) else {
            let required = std::env::var_os("QUITTANCE_REQUIRE_BROWSER").is_some();
            assert!(!required, "Chromium or chromedriver is missing: scripts/setup.sh --browser");
            eprintln!("skipped: no Chromium with chromedriver here");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let id = Pid::from_raw(driver.id().unwrap().try_into().unwrap());
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = within("a word of chromedriver", said.next_line()).await.unwrap().unwrap();
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let driver = Group { id, _driver: driver };
        // Read on, or it would stop when nobody does.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        let data = format!("--user-data-dir={}", profile.path().display());
        let dark = if theme == "dark" { "--force-dark-mode" } else { "--no-default-browser-check" };
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--window-size=1280,1000", data, dark,
            ],
        });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".into(), options);
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let url = format!("http://127.0.0.1:{port}");
        let client = builder.connect(&url);
        let client = within("a session with Chromium", client).await.unwrap();
        Some(Self { client, driver, _profile: profile })
    }

    pub(super) async fn open(&self, url: &str) {
        within(url, self.client.goto(url)).await.unwrap();
    }

    /// Waits for an element.
    pub(super) async fn sees(&self, css: &str) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(std::time::Duration::from_secs(60));
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"))
    }

    pub(super) async fn click(&self, css: &str) {
        self.sees(css).await.click().await.unwrap();
    }

    pub(super) async fn types(&self, css: &str, text: &str) {
        self.sees(css).await.send_keys(text).await.unwrap();
    }

    /// Follows the link with this text.
    pub(super) async fn follow(&self, text: &str) {
        let wait = self.client.wait().at_most(std::time::Duration::from_secs(60));
        let link = wait.for_element(Locator::LinkText(text)).await;
        link.unwrap_or_else(|e| panic!("{text}: {e}")).click().await.unwrap();
    }

    /// Waits until the page says it.
    pub(super) async fn says(&self, text: &str) {
        let said = async {
            loop {
                let script = "return document.body.innerText";
                // Between two pages there is none.
                let body = self.client.execute(script, Vec::new()).await.unwrap_or_default();
                if body.as_str().is_some_and(|body| body.contains(text)) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        within(text, said).await;
    }

    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    pub(super) async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_is_not_closed_ends_with_its_test() {
    let Some(browser) = Browser::start("light").await else { return };
    let group = browser.driver.id;
    killpg(group, None).expect("it runs");
    drop(browser);
    let gone = async {
        while killpg(group, None).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within("the end of the browser", gone).await;
}
