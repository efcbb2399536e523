//! The card form: the page, made by the simulator, into which a customer types a card.
//!
//! It stands for Stripe's own form in a shop's page: the number goes from the browser to the simulator, and the
//! shop never sees it. A shop shows it in a frame. Who has the `client_secret` of a payment or a setup may fill it
//! in, without any key. No chaos and no fault applies to it.

use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Response, StatusCode};

use crate::actions::Confirm;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::objects::{Cause, PaymentStatus, SetupStatus, TestCard};
use crate::scope::Scope;

use super::form::Form;

/// Where it is.
pub(crate) const PATH: &str = "/simulator/card";

/// No script, no picture, nothing of another site; and shown in a frame by pages of this machine alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors http://127.0.0.1:* http://localhost:*";

/// The cards that can be chosen with one press.
const OFFERED: &[(&str, &str)] = &[
    ("4242424242424242", "succeeds"),
    ("4000000000000002", "is declined"),
    ("4000000000009995", "is declined: insufficient funds"),
    ("4000002500003155", "asks for 3-D Secure until it is saved"),
    ("4000000000003220", "asks for 3-D Secure each time"),
];

/// The object that a form completes.
enum Intent {
    Payment(String),
    Setup(String),
}

/// Stage of a form.
enum Stage {
    /// A card is wanted; why the last one was not taken.
    Card(Option<String>),
    /// The bank wants to know the customer.
    ThreeDSecure,
    /// There is nothing more to do.
    Over(&'static str),
}

/// Answers a request for the form, and what is sent with it.
pub(crate) fn card_form(
    engine: &Engine,
    number: u64,
    method: &Method,
    form: &Form,
) -> Response<Full<Bytes>> {
    let secret = form.text(&["client_secret"]).unwrap_or_default();
    let Some((scope, intent)) = find(engine, secret) else {
        let text = "There is no payment and no setup with this client_secret.";
        return page(StatusCode::NOT_FOUND, &format!("<p class=\"bad\">{text}</p>"));
    };
    if method != Method::POST {
        let body = body(engine, &scope, &intent, form, None);
        return page(StatusCode::OK, &body);
    }
    let first = form.text(&["form"]).and_then(|text| text.parse().ok());
    // One that was sent before has had its effect: what is shown is what became of it.
    if first.is_some_and(|form| engine.card_forms.send(form)) {
        let cause = Cause { request: Some(format!("req_{number:014}")), idempotency_key: None };
        if let Err(refused) = act(engine, &scope, cause, &intent, form) {
            let body = body(engine, &scope, &intent, form, Some(refused));
            return page(StatusCode::BAD_REQUEST, &body);
        }
    }
    // By its address again, so that a reload sends nothing and nothing is added to the browser's history.
    let mut response = page(StatusCode::SEE_OTHER, "");
    if let Ok(place) = HeaderValue::try_from(address(secret, form.text(&["return_url"]))) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

fn address(secret: &str, return_url: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_secret", secret);
    if let Some(url) = return_url {
        query.append_pair("return_url", url);
    }
    format!("{PATH}?{}", query.finish())
}

/// Whose secret it is.
fn find(engine: &Engine, secret: &str) -> Option<(Scope, Intent)> {
    let (id, _) = secret.split_once("_secret_")?;
    let store = engine.store();
    store.objects.iter().find_map(|(scope, objects)| {
        let payment = objects.payment_intents.get(id);
        let setup = objects.setup_intents.get(id);
        let intent = if payment.is_some_and(|it| it.client_secret == secret) {
            Intent::Payment(id.to_owned())
        } else if setup.is_some_and(|it| it.client_secret == secret) {
            Intent::Setup(id.to_owned())
        } else {
            return None;
        };
        Some((scope.clone(), intent))
    })
}

/// Does what was sent; a sentence for the customer where it cannot be done. What the bank says is kept with the
/// payment.
fn act(
    engine: &Engine,
    scope: &Scope,
    cause: Cause,
    intent: &Intent,
    form: &Form,
) -> Result<(), String> {
    let done = match form.text(&["three_d_secure"]) {
        Some(outcome) => {
            let succeed = outcome == "succeed";
            engine.act(scope, cause, &engine.config.api_version, |tx| match intent {
                Intent::Payment(id) => tx.finish_3ds(id, succeed),
                Intent::Setup(id) => tx.finish_setup_3ds(id, succeed),
            })
        }
        None => {
            let card = card(form)?;
            // Where the shop named none, the customer comes back to this page.
            let back = form.owned(&["return_url"]).unwrap_or_else(|| PATH.to_owned());
            engine.act(scope, cause, &engine.config.api_version, |tx| match intent {
                Intent::Payment(id) => {
                    let how = Confirm {
                        payment_method: Some(card),
                        return_url: Some(back),
                        ..Confirm::default()
                    };
                    tx.confirm_payment(id, how)
                }
                Intent::Setup(id) => tx.confirm_setup(id, Some(&card), Some(back)),
            })
        }
    };
    match done {
        Ok(()) => Ok(()),
        Err(ApiError { status: 402, .. }) => Ok(()),
        Err(error) => Err(error.body.message),
    }
}

/// The number that was typed, or that of the card that was chosen.
fn card(form: &Form) -> Result<String, String> {
    let chosen = form.text(&["test_card"]);
    let typed = form.text(&["number"]).unwrap_or_default();
    let number: String =
        chosen.unwrap_or(typed).chars().filter(|it| !it.is_whitespace() && *it != '-').collect();
    if TestCard::by_number(&number).is_none() {
        return Err("Your card number is none of the test cards below.".to_owned());
    }
    if chosen.is_none() {
        check_expiry(form.text(&["expiry"]).unwrap_or_default())?;
        let code = form.text(&["cvc"]).unwrap_or_default();
        if !matches!(code.len(), 3 | 4) || !code.bytes().all(|it| it.is_ascii_digit()) {
            return Err("Your card's security code is incomplete.".to_owned());
        }
    }
    Ok(number)
}

/// `MM/YY`. The simulator's cards are valid for ever.
fn check_expiry(text: &str) -> Result<(), String> {
    let parts = text.split_once('/').map(|(month, year)| (month.trim(), year.trim()));
    let is_good = parts.is_some_and(|(month, year)| {
        let month = month.parse::<u8>().is_ok_and(|month| (1..=12).contains(&month));
        month && year.len() == 2 && year.parse::<u8>().is_ok()
    });
    if is_good { Ok(()) } else { Err("Your card's expiration date is incomplete.".to_owned()) }
}

fn body(
    engine: &Engine,
    scope: &Scope,
    intent: &Intent,
    form: &Form,
    refused: Option<String>,
) -> String {
    let cause = Cause::default();
    let looked_at = engine.act(scope, cause, &engine.config.api_version, |tx| {
        Ok::<_, ApiError>(match intent {
            Intent::Payment(id) => {
                let payment = tx.payment(id)?;
                let amount = amount(payment.amount, &payment.currency);
                (
                    of_payment(payment.status, payment.last_payment_error.as_ref()),
                    format!("Pay {amount}"),
                )
            }
            Intent::Setup(id) => {
                let setup = tx.setup(id)?;
                let error = setup.last_setup_error.as_ref();
                (of_setup(setup.status, error), "Save the card".to_owned())
            }
        })
    });
    let (stage, verb) = match looked_at {
        Ok(found) => found,
        Err(error) => return format!("<p class=\"bad\">{}</p>", escaped(&error.body.message)),
    };
    let hidden = format!(
        "<input type=\"hidden\" name=\"client_secret\" value=\"{}\">\
         <input type=\"hidden\" name=\"return_url\" value=\"{}\">\
         <input type=\"hidden\" name=\"form\" value=\"{}\">",
        escaped(form.text(&["client_secret"]).unwrap_or_default()),
        escaped(form.text(&["return_url"]).unwrap_or_default()),
        engine.card_forms.show(),
    );
    match stage {
        Stage::Over(text) => {
            format!("{HEADING}<p class=\"good\" role=\"status\" id=\"over\">{text}</p>")
        }
        Stage::ThreeDSecure => format!(
            "<form method=\"post\" action=\"{PATH}\" id=\"three-d-secure\">{hidden}\
             <h1>3-D Secure</h1><p>Your bank asks: is it you? ({})</p>\
             <p><button class=\"main\" name=\"three_d_secure\" value=\"succeed\">Complete</button> \
             <button name=\"three_d_secure\" value=\"fail\">Fail</button></p></form>",
            escaped(&verb)
        ),
        Stage::Card(failed) => of_card(&hidden, &verb, refused.or(failed)),
    }
}

/// For a screen reader; the page around the frame has a heading that is seen.
const HEADING: &str = "<h1 class=\"unseen\">Card form</h1>";

fn of_card(hidden: &str, verb: &str, error: Option<String>) -> String {
    let mut text = HEADING.to_owned();
    if let Some(error) = error {
        // Writing into a text cannot fail.
        let _ =
            write!(text, "<p class=\"bad\" role=\"alert\" id=\"refused\">{}</p>", escaped(&error));
    }
    let _ = write!(
        text,
        "<form method=\"post\" action=\"{PATH}\" autocomplete=\"off\">{hidden}\
         <p><label for=\"number\">Card number</label>\
         <input id=\"number\" name=\"number\" inputmode=\"numeric\" placeholder=\"4242 4242 4242 4242\" required></p>\
         <div class=\"row\"><p><label for=\"expiry\">Expiry</label>\
         <input id=\"expiry\" name=\"expiry\" placeholder=\"MM / YY\" required></p>\
         <p><label for=\"cvc\">CVC</label>\
         <input id=\"cvc\" name=\"cvc\" inputmode=\"numeric\" placeholder=\"123\" required></p></div>\
         <p><button class=\"main\" id=\"pay\">{}</button></p></form>\
         <form method=\"post\" action=\"{PATH}\">{hidden}<p class=\"soft\">Test cards, with one press:</p><ul>",
        escaped(verb)
    );
    for (number, what) in OFFERED {
        let shown: Vec<&str> =
            number.as_bytes().chunks(4).filter_map(|it| std::str::from_utf8(it).ok()).collect();
        let _ = write!(
            text,
            "<li><button name=\"test_card\" value=\"{number}\">{} {what}</button></li>",
            shown.join(" ")
        );
    }
    text + "</ul></form>"
}

fn of_payment(status: PaymentStatus, error: Option<&serde_json::Value>) -> Stage {
    match status {
        PaymentStatus::RequiresPaymentMethod | PaymentStatus::RequiresConfirmation => {
            Stage::Card(message(error))
        }
        PaymentStatus::RequiresAction => Stage::ThreeDSecure,
        PaymentStatus::Processing => Stage::Over("Your bank is at work on it."),
        PaymentStatus::RequiresCapture => Stage::Over("Your bank has approved it."),
        PaymentStatus::Canceled => Stage::Over("This payment was cancelled."),
        PaymentStatus::Succeeded => Stage::Over("Your bank has approved it."),
    }
}

fn of_setup(status: SetupStatus, error: Option<&serde_json::Value>) -> Stage {
    match status {
        SetupStatus::RequiresPaymentMethod | SetupStatus::RequiresConfirmation => {
            Stage::Card(message(error))
        }
        SetupStatus::RequiresAction => Stage::ThreeDSecure,
        SetupStatus::Canceled => Stage::Over("This was cancelled."),
        SetupStatus::Succeeded => Stage::Over("Your card is saved."),
    }
}

fn message(error: Option<&serde_json::Value>) -> Option<String> {
    error?["message"].as_str().map(str::to_owned)
}

/// `20.00 EUR`
fn amount(minor: i64, currency: &str) -> String {
    const WHOLE: &[&str] = &[
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
        "xaf", "xof", "xpf",
    ];
    const THOUSANDTHS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];
    let code = currency.to_uppercase();
    match currency {
        it if WHOLE.contains(&it) => format!("{minor} {code}"),
        it if THOUSANDTHS.contains(&it) => format!("{}.{:03} {code}", minor / 1000, minor % 1000),
        _ => format!("{}.{:02} {code}", minor / 100, minor % 100),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fff; --ink: #16202a; --soft: #51606e; --main: #2a6a4b;
  --main-ink: #fff; --good: #1c6b43; --good-ground: #e3f3ea; --bad: #a3241c; --bad-ground: #fcebe9; }
@media (prefers-color-scheme: dark) { :root { --ground: #1a2229; --ink: #e6ebef; --soft: #a6b3bf;
  --main: #7fd0a7; --main-ink: #0d1a13; --good: #86d6ac; --good-ground: #163226; --bad: #ff9d93;
  --bad-ground: #3d1d1a; } }
* { box-sizing: border-box; }
body { margin: 0; padding: .75rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, \"Segoe UI\", Roboto, \"DejaVu Sans\", sans-serif; }
h1 { font-size: 1.1rem; margin: 0 0 .5rem; }
p { margin: 0 0 .75rem; }
label { display: block; font-size: .9rem; font-weight: 600; }
input { font: inherit; color: inherit; width: 100%; padding: .45rem .6rem; background: var(--ground);
  border: 1px solid var(--soft); border-radius: 6px; }
input::placeholder { color: var(--soft); opacity: 1; }
.row { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { font: inherit; color: inherit; padding: .4rem .8rem; background: var(--ground); cursor: pointer;
  border: 1px solid var(--soft); border-radius: 6px; }
button.main { background: var(--main); border-color: var(--main); color: var(--main-ink); font-weight: 600; }
#pay { width: 100%; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .35rem; }
li button { width: 100%; text-align: left; font-size: .9rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.soft { color: var(--soft); font-size: .9rem; margin: 0 0 .35rem; }
.good, .bad { border-left: 4px solid; border-radius: 4px; padding: .5rem .75rem; }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
";

fn page(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Card form of the Stripe simulator</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_in_the_units_of_its_currency() {
        let shown = [(1999, "eur"), (5, "usd"), (500, "jpy"), (1234, "kwd")];
        let shown = shown.map(|(minor, currency)| amount(minor, currency));
        assert_eq!(shown, ["19.99 EUR", "0.05 USD", "500 JPY", "1.234 KWD"]);
    }
}
