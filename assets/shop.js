// Looks again and again how far the order is, and shows Stripe's own card form where there are real keys.
"use strict";

(() => {
  const live = document.getElementById("live");
  const pay = document.getElementById("pay");
  const state = () => document.getElementById("state").dataset.state;
  const OVER = ["paid", "saved", "active", "canceled", "processing"];

  // What is over needs no form; it stays in the page, so that it keeps its place in the browser's history.
  const settle = () => { if (pay) pay.hidden = OVER.includes(state()); };

  const look = async () => {
    try {
      const answer = await fetch(live.dataset.url, { cache: "no-store" });
      if (answer.ok) {
        const text = await answer.text();
        // Only what has changed, so that a screen reader does not say the same again.
        if (text !== look.last) {
          const part = new DOMParser().parseFromString(text, "text/html");
          live.replaceChildren(...part.body.childNodes);
          look.last = text;
          settle();
        }
      }
    } catch { /* A server that restarts: the next look may find it. */ }
    // A tab that nobody looks at need not ask so often.
    setTimeout(look, document.hidden ? 5000 : 400);
  };
  settle();
  if (live.dataset.url) look();
  // From the browser's cache with the back button: what it shows may be old.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // --- Stripe's own card form.
  const form = document.getElementById("stripe-form");
  if (!form) return;
  const error = document.getElementById("stripe-error");
  const button = document.getElementById("stripe-pay");
  const say = (text) => { error.textContent = text; error.hidden = !text; };
  if (typeof window.Stripe !== "function") {
    say("js.stripe.com could not be loaded.");
    return;
  }
  const stripe = window.Stripe(form.dataset.key);
  const elements = stripe.elements({ clientSecret: form.dataset.secret });
  elements.create("payment").mount("#stripe-element");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    say("");
    // A setup saves a card, and takes no money.
    const confirm = form.dataset.secret.startsWith("seti_") ? "confirmSetup" : "confirmPayment";
    const confirmed = await stripe[confirm]({
      elements,
      confirmParams: { return_url: location.origin + location.pathname },
      redirect: "if_required",
    });
    // What it says of success is not shown: the row does.
    if (confirmed.error) {
      say(confirmed.error.message);
      button.disabled = false;
    }
  });
})();
