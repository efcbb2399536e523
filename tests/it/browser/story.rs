//! What an operator does, start to end.

use super::driver::Browser;
use crate::admin::site::{OPERATOR, Site, VIEWER};
use crate::harness::Options;

async fn sign_in(browser: &Browser, site: &Site, token: &str) {
    browser.open(&format!("http://{}/dead-letters", site.address)).await;
    browser.types("#token", token).await;
    browser.click("button.main").await;
    browser.says("Dead letters").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_a_group_opens_a_letter_retries_it_and_sees_it_settle() {
    let Some(browser) = Browser::start("light").await else { return };
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "1")];
    let site = Site::start(Options { env, ..Options::default() }).await;
    let app = &site.app;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").pop().unwrap();
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);

    sign_in(&browser, &site, OPERATOR).await;
    browser.click("tr[data-row] th a").await;
    browser.follow("1").await;
    browser.says("Dead letter 1").await;
    browser.types("#reason", "Stripe was ill").await;
    browser.click("button[value=retry]").await;
    // The page renews itself while the letter is on its way.
    browser.says("None: its event was processed, or its notification delivered.").await;
    browser.says("Stripe was ill").await;
    app.drained().await;
    assert_eq!(app.event(&event).await["status"], "settled");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_discard_happens_only_with_its_count_typed() {
    let Some(browser) = Browser::start("light").await else { return };
    let site = Site::start(Options { workers: 0, ..Options::default() }).await;
    site.given_up(2000).await;
    sign_in(&browser, &site, OPERATOR).await;
    browser.follow("Discard…").await;
    browser.says("Discard 2\u{202f}000 dead letters?").await;
    browser.types("#reason", "test data").await;
    browser.types("#typed", "200").await;
    browser.click("button.danger").await;
    browser.says("Nothing was changed.").await;
    assert_eq!(site.app.db.count("quittance.dead_letters WHERE state = 'open'").await, 2000);

    browser.follow("Back to the form").await;
    browser.types("#reason", "test data").await;
    browser.types("#typed", "2000").await;
    browser.click("button.danger").await;
    browser.says("2\u{202f}000 succeeded, 0 failed, 2\u{202f}000 total.").await;
    browser.follow("Dead letters").await;
    browser.says("No dead letters.").await;
    browser.close().await;
}

/// Lets the page renew itself now, twice: with a link in focus, and with one that gets it while the
/// answer is on its way; and then with nothing in focus. Answers what was asked for and what is left.
const RENEWS: &str = "
    const done = arguments[arguments.length - 1];
    const link = document.querySelector('#content tr[data-row] a');
    const fetched = window.fetch;
    let asked = 0, meanwhile = () => {};
    let over;
    window.fetch = async (...given) => {
        asked += 1;
        const answer = await fetched(...given);
        const text = await answer.text();
        meanwhile();
        // What waits for the text goes on before the next turn.
        answer.text = async () => { setTimeout(over); return text; };
        return answer;
    };
    const renew = (during) => {
        const ended = new Promise((resolve) => { over = resolve; });
        meanwhile = during;
        document.dispatchEvent(new Event('visibilitychange'));
        return ended;
    };
    const seen = [];
    (async () => {
        for (const css of ['tr[data-row] a', '.scroll', 'a.button']) {
            document.querySelector('#content ' + css).focus();
            renew(() => {});
            seen.push(asked);
            document.activeElement.blur();
        }
        await renew(() => link.focus());
        seen.push(asked, document.activeElement === link && link.isConnected);
        link.blur();
        await renew(() => {});
        seen.push(asked, link.isConnected);
        done(seen);
    })();";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_renews_itself_takes_nothing_away_that_has_the_focus() {
    let Some(browser) = Browser::start("light").await else { return };
    let site = Site::start(Options { workers: 0, ..Options::default() }).await;
    site.given_up(3).await;
    sign_in(&browser, &site, OPERATOR).await;
    let seen = browser.client.execute_async(RENEWS, Vec::new()).await.unwrap();
    // Nothing was asked for while something had the focus; then it stayed; then all was replaced.
    assert_eq!(seen, serde_json::json!([0, 0, 0, 1, true, 2, false]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn age_and_attempts_of_a_letter_are_seen_on_a_desk_without_scrolling() {
    let Some(browser) = Browser::start("light").await else { return };
    let site = Site::start(Options { workers: 0, ..Options::default() }).await;
    site.given_up(60).await;
    let long = "UPDATE quittance.dead_letters
        SET event_type = 'checkout.session.async_payment_succeeded',
            object_id = 'cs_test_' || repeat('a', 58)";
    site.app.db.execute(long).await;
    sign_in(&browser, &site, OPERATOR).await;
    browser.client.set_window_size(1280, 900).await.unwrap();
    browser.open(&format!("http://{}/dead-letters/list", site.address)).await;
    let script = "const box = document.querySelector('.scroll').getBoundingClientRect();
        return ['Dead-lettered', 'Attempts', 'Type'].map((name) =>
            document.querySelector(`td[data-label='${name}']`).getBoundingClientRect().right <= box.right);";
    assert_eq!(browser.run(script).await, serde_json::json!([true, true, true]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_and_a_form_without_its_token_are_refused() {
    let Some(browser) = Browser::start("light").await else { return };
    let site = Site::start(Options { workers: 0, ..Options::default() }).await;
    site.given_up(3).await;
    sign_in(&browser, &site, VIEWER).await;
    browser.open(&format!("http://{}/dead-letters/1", site.address)).await;
    browser.says("Dead letter 1").await;
    // What the page does not offer, made up.
    let form = "const form = document.createElement('form');
        form.method = 'post'; form.action = '/dead-letters/act';
        form.innerHTML = '<input name=id value=1><input name=verb value=discard><input name=reason value=x>';
        const token = document.querySelector('[name=form_token]').cloneNode();
        if (arguments[0]) form.append(token);
        document.body.append(form); form.submit();";
    browser.client.execute(form, vec![true.into()]).await.unwrap();
    browser.says("bob is a viewer").await;
    browser.client.delete_all_cookies().await.unwrap();
    sign_in(&browser, &site, OPERATOR).await;
    browser.client.execute(form, vec![false.into()]).await.unwrap();
    browser.says("does not come from a page of your session").await;
    assert_eq!(site.app.db.count("quittance.dead_letters WHERE state = 'open'").await, 3);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_refunds_a_payment_from_its_page_with_a_double_click() {
    let Some(browser) = Browser::start("light").await else { return };
    let site = Site::acting(Options::default()).await;
    let payment = site.app.pays("pm_card_visa");
    site.app.settled().await;
    sign_in(&browser, &site, OPERATOR).await;
    browser.open(&format!("http://{}/objects/{payment}", site.address)).await;
    browser.follow("Refund…").await;
    browser.says("Can be refunded").await;
    browser.run("document.querySelector('#amount').value = ''").await;
    browser.types("#amount", "7.50").await;
    browser.click("#content button.main").await;
    browser.says("Type the amount, 7.50, to confirm").await;
    browser.types("#reason", "one shoe came back").await;
    browser.types("#typed", "75").await;
    browser.click("button.danger").await;
    browser.says("Nothing was done.").await;
    browser.follow("Back to the form").await;
    browser.types("#reason", "one shoe came back").await;
    browser.types("#typed", "7.50").await;
    browser.run("const b = document.querySelector('button.danger'); b.click(); b.click();").await;
    browser.says("Stripe has carried it out.").await;
    let refunds = site.app.stripe().truth(stripe_simulator::Kind::Refund);
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &serde_json::json!(750)));
    // The back button leads to the form as it was. Sent once more, it is the same command.
    browser.client.back().await.unwrap();
    browser.says("to confirm").await;
    browser
        .run("for (const id of ['typed', 'reason']) document.getElementById(id).value = ''")
        .await;
    browser.types("#reason", "one shoe came back").await;
    browser.types("#typed", "7.50").await;
    browser.click("button.danger").await;
    browser.says("Stripe has carried it out.").await;
    assert_eq!(site.app.stripe().truth(stripe_simulator::Kind::Refund).len(), 1);
    assert_eq!(site.app.db.count("quittance.commands").await, 1);
    browser.close().await;
    site.app.settled().await;
}
