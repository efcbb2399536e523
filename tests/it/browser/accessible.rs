//! axe's verdict on every page, in both themes, on a desk and on a phone.

use quittance::queue::Limiter;
use serde_json::json;

use super::driver::Browser;
use crate::admin::site::{OPERATOR, Site};
use crate::harness::Options;

/// What axe finds, a line each.
const LOOK: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then((found) => done(
        found.violations.map((it) => it.id + ': ' + it.help + ': ' + it.nodes[0].html)));";

const PAGES: [&str; 17] = [
    "/",
    "/dead-letters",
    "/dead-letters?customer=cus_none",
    "/dead-letters/list",
    "/dead-letters/1?payload=1",
    "/dead-letters/bulk?verb=discard&state=open",
    "/events",
    "/events/evt_given_up_1",
    "/objects",
    "/objects/pi_given_up_3",
    "/commands",
    "/queue",
    "/outbox",
    "/operations",
    "/audit",
    "/accounts?account=acct_1",
    "/kinds",
];

/// The script; none where it was not fetched, and nobody demanded it.
pub(super) fn axe() -> Option<String> {
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/target").to_owned());
    let text = std::fs::read_to_string(format!("{target}/tools/axe-4.14.1.min.js")).ok();
    let required = std::env::var_os("QUITTANCE_REQUIRE_BROWSER").is_some();
    assert!(text.is_some() || !required, "axe is missing: scripts/setup.sh --browser");
    if text.is_none() {
        eprintln!("skipped: no axe here, which scripts/setup.sh --browser fetches");
    }
    text
}

async fn judge(theme: &str) {
    let Some(axe) = axe() else { return };
    let Some(browser) = Browser::start(theme).await else { return };
    let site = Site::start(Options::default()).await;
    site.given_up(60).await;
    let url = |path: &str| format!("http://{}{path}", site.address);
    browser.open(&url("/sign-in")).await;
    let mut found = Vec::new();
    found.extend(look(&browser, &axe, "/sign-in").await);
    browser.types("#token", OPERATOR).await;
    browser.click("button.main").await;
    browser.says("Sign out").await;
    if theme == "dark" {
        // From "as the system has it" to dark.
        browser.click("button[value=dark]").await;
        browser.sees("[data-theme=dark]").await;
    }
    // Just now: what is held back grows full again within half a minute.
    draws_on_budgets(&site).await;
    browser.open(&url("/")).await;
    browser.says("Slowed").await;
    browser.says("3 rate limits are not in use.").await;
    for (width, path) in PAGES.iter().flat_map(|path| [(1280, path), (1024, path), (390, path)]) {
        browser.client.set_window_size(width, 900).await.unwrap();
        browser.open(&url(path)).await;
        if width != 1024 {
            found.extend(look(&browser, &axe, path).await);
        }
        // By how much it can be scrolled sideways, and whether the window is as wide as was asked.
        let script = "const page = document.documentElement;
            return [page.scrollWidth - page.clientWidth, innerWidth];";
        let wide = browser.run(script).await;
        if wide != json!([0, width]) {
            found.push(format!("{path} is wider than {width} px: {wide}"));
        }
    }
    assert_eq!(found, [""; 0], "{theme}");
    browser.close().await;
}

/// Budgets with the longest names that there are: some full, some held back.
async fn draws_on_budgets(site: &Site) {
    let limiter = Limiter::new(&site.app.settings.redis, &site.app.settings.queue).unwrap();
    for kind in ["payment_intents", "charges", "subscription_schedules"] {
        for mode in ["live", "test"] {
            let name = format!("acct_1032D82eZvKYlo2C {mode} /v1/{kind}/retrieve");
            limiter.take(&[(&name, 100)], std::time::Duration::ZERO, None).await.unwrap();
            if mode == "live" {
                limiter.slow_down(&name).await.unwrap();
            }
        }
    }
}

/// What axe finds in the page or frame that is open, a line each.
pub(super) async fn look(browser: &Browser, axe: &str, path: &str) -> Vec<String> {
    browser.client.execute(axe, Vec::new()).await.unwrap();
    let found = browser.client.execute_async(LOOK, Vec::new()).await.unwrap();
    let found = found.as_array().cloned().unwrap_or_default();
    found.iter().map(|it| format!("{path}: {}", it.as_str().unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_in_the_light_theme() {
    judge("light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_in_the_dark_theme() {
    judge("dark").await;
}
