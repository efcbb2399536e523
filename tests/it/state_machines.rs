//! `docs/state_machines.md` is generated from the rules, so it cannot drift from them.

use std::fmt::Write as _;
use std::path::Path;

use quittance::domain::command::CommandState;
use quittance::domain::kinds::{account, charge, dispute, payment, payout, refund};
use quittance::domain::kinds::{catalogue, invoice, subscription, subscription_schedule};
use quittance::domain::kinds::{checkout, customer, payment_method, setup};
use quittance::domain::transition::{StateMachine, matrix};

const INTRODUCTION: &str = "\
# State machines

<!-- Generated from crates/quittance-domain by tests/it/state_machines.rs. Do not edit: change the rules, run
     `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it state_machines`, and review the difference. -->

Stripe owns the state of each object; Quittance records what Stripe says and never computes it. So
these machines forbid nothing. They judge what was seen against what was recorded: as `opened`,
`same`, `expected` (a step or a skip) or `anomalous`.

- **opened**: the first sight of the object, whatever its status.
- **same**: no change of status. Other columns may differ; there is no row in `app.transitions`.
- **step**: a step that Stripe documents.
- **skip**: several such steps. Between two looks at an object, statuses come and go unseen.
- **anomaly**: no sequence of documented steps leads there. It is applied all the same, and shown to
  ops: either Stripe has learnt something new, or we have misread something old.

A status that is in no table here is recorded as Stripe says it, and so is a missing one (as `null`). Each
step to it or from it is an anomaly, and no notification tells of it.

In the tables, the recorded status is on the left and the observed one on top.
";

const PAYMENT: &str = "\
A payment, from the first attempt to its end. A failed attempt goes *back* to
`requires_payment_method`, so `payment_intent.payment_failed` ends nothing. Only `canceled` and
`succeeded` are ends, and a refund changes neither: refunds are objects of their own.
";

const CHARGE: &str = "\
One attempt to move money. `succeeded` covers money that was only authorised (`captured` is false
then). A bank debit can still fail after it had succeeded. Refunds do not change the status; they
raise `amount_refunded`, and a refund that fails lowers it again. Stripe also counts an
authorisation that was released, in whole or in part, as refunded.
";

const REFUND: &str = "\
Money on its way back. `succeeded` is not the end: a bank can send the money back days later
(`failed`), and a refund to a card can be called off for a short while (`canceled`).
";

const CUSTOMER: &str = "\
Who pays. Stripe gives a customer no status; what comes and goes is whether it owes money
(`delinquent`). A deleted customer is no status either: its row is a tombstone, and no later event
brings it back.
";

const SETUP_INTENT: &str = "\
Keeping a payment method for later. As with a payment, a failed attempt goes *back* to
`requires_payment_method`, and only `canceled` and `succeeded` are ends.
";

const CHECKOUT_SESSION: &str = "\
A customer on Stripe's page. Stripe says it in two fields, `status` and `payment_status`; the machine
is over both at once, because the step that matters most, from complete but unpaid to paid, changes
only the second. A delayed method stays at `complete/unpaid` until Stripe says that the money came,
and for ever if it does not.
";

const PAYMENT_METHOD: &str = "\
A card or an account that can be charged. Stripe gives it no status: it is attached while a customer
has it. Stripe does not attach again what was detached; a method that was looked at *before* its
first attachment looks detached too, so that step is known.
";

const DISPUTE: &str = "\
A customer asks the bank for the money back. The statuses that begin with `warning_` are those of an
inquiry, which withdraws no money and can grow into a dispute. `prevented` ends it before it became
one.
";

const PAYOUT: &str = "\
Money on its way from a Stripe balance to a bank account. `paid` is not the end: a bank can send it
back days later (`failed`).
";

const ACCOUNT: &str = "\
A connected account. These words are ours: they follow from what Stripe says about the account and
its capabilities together. `enabled` means that all that the account asked for works;
`deauthorized`, that it took our access back.
";

const SUBSCRIPTION: &str = "\
A promise to pay again and again. `past_due` is a renewal that Stripe still tries to collect,
`unpaid` one that it has given up on without ending the subscription. `incomplete` is a first
payment that was not made yet. Paused *collection* is no status: it is in `pause_collection`.
";

const INVOICE: &str = "\
What is owed, and whether it was paid. Only a draft can be deleted. An invoice can be paid from any
way that money comes, also out of band, and also after it was written off (`uncollectible`).
";

const CATALOGUE: &str = "\
What is sold, and what it costs. Stripe has a flag, `active`, in the place of a status. Both can be
deleted as long as nobody has bought them.
";

const SCHEDULE: &str = "\
What a subscription will be, phase by phase. A schedule that was `released` lets its subscription go
on alone; one that was `canceled` has ended it.
";

const COMMAND: &str = "\
What a client asks Stripe to do through Quittance. Unlike the others this is our own state: these are the only
steps that are taken. `unknown` means that Stripe may have acted and its answer is missing; it is
investigated and never counts as failed.
";

fn page() -> String {
    use account::AccountStatus as A;
    use {charge::ChargeStatus as C, payment::PaymentStatus as P, refund::RefundStatus as R};
    use {dispute::DisputeStatus as D, payout::PayoutStatus as O};
    let mut page = INTRODUCTION.to_owned();
    section(
        &mut page,
        "PaymentIntent",
        PAYMENT,
        &[P::RequiresPaymentMethod, P::RequiresConfirmation],
    );
    section(&mut page, "Charge", CHARGE, &[C::Pending, C::Succeeded, C::Failed]);
    section(&mut page, "Refund", REFUND, &[R::Pending, R::RequiresAction, R::Succeeded]);
    section(&mut page, "Customer", CUSTOMER, &[customer::CustomerStatus::Current]);
    section(
        &mut page,
        "SetupIntent",
        SETUP_INTENT,
        &[setup::SetupStatus::RequiresPaymentMethod, setup::SetupStatus::RequiresConfirmation],
    );
    section(&mut page, "Checkout Session", CHECKOUT_SESSION, &[checkout::CheckoutStatus::Open]);
    section(
        &mut page,
        "PaymentMethod",
        PAYMENT_METHOD,
        &[
            payment_method::PaymentMethodStatus::Detached,
            payment_method::PaymentMethodStatus::Attached,
        ],
    );
    let first = [D::WarningNeedsResponse, D::NeedsResponse, D::Prevented];
    section(&mut page, "Dispute", DISPUTE, &first);
    section(&mut page, "Payout", PAYOUT, &[O::Pending]);
    let first = [A::Onboarding, A::Restricted, A::Enabled];
    section(&mut page, "Connected account", ACCOUNT, &first);
    billing(&mut page);
    let first = [CommandState::Accepted, CommandState::Sent];
    section(&mut page, "Command", COMMAND, &first);
    page
}

fn billing(page: &mut String) {
    use catalogue::CatalogueStatus as C;
    use invoice::InvoiceStatus as I;
    use subscription::SubscriptionStatus as S;
    use subscription_schedule::ScheduleStatus as H;
    section(page, "Subscription", SUBSCRIPTION, &[S::Incomplete, S::Trialing, S::Active]);
    section(page, "Invoice", INVOICE, &[I::Draft]);
    section(page, "Product and Price", CATALOGUE, &[C::Active]);
    section(page, "Subscription Schedule", SCHEDULE, &[H::NotStarted, H::Active]);
}

fn section<S: StateMachine>(page: &mut String, title: &str, text: &str, first: &[S]) {
    write!(page, "\n## {title}\n\n{text}\n```mermaid\nstateDiagram-v2\n").unwrap();
    for status in first {
        writeln!(page, "    [*] --> {}", status.word()).unwrap();
    }
    for from in S::WORDS {
        let steps: Vec<_> = S::WORDS.iter().filter(|to| from.steps_to(**to)).collect();
        for to in &steps {
            writeln!(page, "    {} --> {}", from.word(), to.word()).unwrap();
        }
        if steps.is_empty() {
            writeln!(page, "    {} --> [*]", from.word()).unwrap();
        }
    }
    write!(page, "```\n\n{}", matrix::<S>()).unwrap();
}

#[test]
fn the_published_state_machines_are_the_ones_in_use() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state_machines.md");
    let page = page();
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == page,
        "docs/state_machines.md is not what the rules in crates/quittance-domain say; run \
         `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it state_machines` and review the difference"
    );
}
