//! The shop's pages in both themes: axe's verdict on each, and none is wider than a phone.

use serde_json::json;

use super::accessible::{axe, look};
use super::visit::Visit;

/// Widths of a small phone, a phone and a desk, in pixels.
const WIDTHS: [u32; 3] = [360, 390, 1280];

/// A visit, and what was found wrong on the way.
struct Tour {
    visit: Visit,
    axe: String,
    found: Vec<String>,
}

impl Tour {
    /// Judges the page that is open, and the card form in it.
    async fn judges(&mut self, page: &str) {
        for width in WIDTHS {
            self.visit.browser.client.set_window_size(width, 900).await.unwrap();
            self.found.extend(look(&self.visit.browser, &self.axe, page).await);
            let wide = self.visit.width().await;
            if wide != json!([0, width]) {
                self.found.push(format!("{page} is wider than {width} px: {wide}"));
            }
            let client = &self.visit.browser.client;
            let forms = client.find_all(fantoccini::Locator::Css("#pay:not([hidden]) iframe"));
            if forms.await.unwrap().is_empty() {
                continue;
            }
            self.visit.in_form().await;
            self.visit.browser.sees("main > *").await;
            let form = format!("{page}, card form");
            self.found.extend(look(&self.visit.browser, &self.axe, &form).await);
            let wide = self.visit.width().await;
            if wide[0] != 0 {
                self.found.push(format!("{form} can be scrolled at {width} px: {wide}"));
            }
            self.visit.in_page().await;
        }
    }

    async fn judges_as(&mut self, state: &str, page: &str) {
        self.visit.is(state).await;
        self.judges(page).await;
    }
}

async fn judge(theme: &str) {
    let Some(axe) = axe() else { return };
    let Some(visit) = Visit::themed(theme).await else { return };
    let mut tour = Tour { visit, axe, found: Vec::new() };
    tour.visit.opens().await;
    tour.judges("the products").await;
    tour.visit.opens_nothing().await;
    tour.judges("no order").await;

    tour.visit.orders("book").await;
    tour.judges_as("open", "an order").await;
    tour.visit.pays("4000000000000002").await;
    tour.visit.form_says("Your card was declined.").await;
    tour.judges_as("declined", "a declined order").await;
    tour.visit.pays("4000000000003220").await;
    tour.judges_as("action", "an order at 3-D Secure").await;
    tour.visit.answers_bank("succeed").await;
    tour.judges_as("paid", "a paid order").await;
    tour.visit.orders("chair").await;
    tour.judges_as("refused", "a refused order").await;

    tour.visit.wants("#save-card").await;
    tour.judges_as("open", "a card to save").await;
    tour.visit.pays("4242424242424242").await;
    tour.judges_as("saved", "a saved card").await;
    tour.visit.wants("#subscribe").await;
    tour.judges_as("open", "a subscription").await;
    tour.visit.pays("4242424242424242").await;
    tour.judges_as("active", "an active subscription").await;
    tour.visit.api.app.settled().await;
    tour.visit.opens().await;
    tour.visit.browser.sees("#charge-book").await;
    tour.judges("the products, with a saved card").await;

    assert_eq!(tour.found, [""; 0], "{theme}");
    tour.visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_shop_is_accessible_and_fits_a_phone_in_the_light_theme() {
    judge("light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_shop_is_accessible_and_fits_a_phone_in_the_dark_theme() {
    judge("dark").await;
}
