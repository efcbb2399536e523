//! Checkout Sessions: pages of Stripe's on which a customer pays. No event says that one was opened.

use crate::error::ApiError;
use crate::objects::{
    AfterCheckout, CardBehaviour, CheckoutMode, CheckoutSession, LineItem, Metadata, MethodTypes,
    NewPayment, PaymentStatus, SetupStatus, Snapshot, text,
};
use crate::store::Tx;

use super::billing::NewSubscription;
use super::customers::NewCustomer;
use super::setups::NewSetup;

const DAY: i64 = 24 * 3600;

/// `POST /v1/checkout/sessions`
#[derive(Debug, Clone, Default)]
pub struct NewCheckout {
    /// What it is for.
    pub mode: CheckoutMode,
    /// What is to be paid, in the currency's smallest unit; ignored by a setup.
    pub amount: i64,
    /// `eur`, `jpy`, `kwd`, ...; ignored by a setup.
    pub currency: String,
    /// Who comes.
    pub customer: Option<String>,
    /// The team's own reference.
    pub client_reference_id: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
    /// Where the receipt goes, if the customer is not known.
    pub customer_email: Option<String>,
    /// The ids of prices, and how many of each; none: `amount`.
    pub prices: Vec<(String, u64)>,
    /// Where the customer comes back to.
    pub success_url: Option<String>,
    /// Where one that gives up comes back to.
    pub cancel_url: Option<String>,
    /// Seconds since 1970; none: in a day.
    pub expires_at: Option<i64>,
    /// Which kinds of method it takes.
    pub methods: MethodTypes,
    /// What it leads to.
    pub then: AfterCheckout,
}

impl Tx<'_> {
    pub(crate) fn open_checkout(&mut self, new: NewCheckout) -> Result<String, ApiError> {
        let pays = new.mode != CheckoutMode::Setup;
        let line_items = self.line_items(new.mode, &new.prices)?;
        let (amount, currency) = match line_items.first() {
            Some(first) => (
                line_items.iter().map(LineItem::amount).sum(),
                text(&first.price, "currency").to_owned(),
            ),
            None => (new.amount, new.currency),
        };
        let session = CheckoutSession {
            id: self.ids.mint(if self.scope.livemode { "cs_live" } else { "cs_test" }),
            amount_total: pays.then_some(amount),
            cancel_url: new.cancel_url,
            client_reference_id: new.client_reference_id,
            created: self.now,
            currency: pays.then_some(currency),
            customer: new.customer,
            customer_email: new.customer_email,
            expires_at: new.expires_at.unwrap_or(self.now + DAY),
            invoice: None,
            line_items,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            methods: new.methods,
            mode: new.mode,
            payment_intent: None,
            payment_status: if pays { "unpaid" } else { "no_payment_required" },
            setup_intent: None,
            status: "open",
            subscription: None,
            success_url: new.success_url,
            then: new.then,
        };
        self.objects.checkout_sessions.put(&session.id, session.clone());
        Ok(session.id)
    }

    fn line_items(
        &mut self,
        mode: CheckoutMode,
        prices: &[(String, u64)],
    ) -> Result<Vec<LineItem>, ApiError> {
        let mut items = Vec::new();
        for (price, quantity) in prices {
            let price = self.document("price", price)?;
            if mode == CheckoutMode::Payment && text(&price, "type") == "recurring" {
                return Err(ApiError::invalid(
                    "You specified `payment` mode but passed a recurring price. Either switch to \
                     `subscription` mode or use only one-time prices.",
                )
                .param("line_items"));
            }
            let quantity = i64::try_from(*quantity).unwrap_or(i64::MAX);
            items.push(LineItem { id: self.ids.mint("li"), price, quantity });
        }
        let recurs = items.iter().any(|item| text(&item.price, "type") == "recurring");
        if mode == CheckoutMode::Subscription && !recurs {
            return Err(ApiError::invalid(
                "You must provide at least one recurring price in `subscription` mode when using \
                 prices.",
            )
            .param("line_items"));
        }
        Ok(items)
    }

    /// The customer fills in the page. With a bank debit the session completes without money.
    pub(crate) fn complete_checkout(&mut self, id: &str, method: &str) -> Result<(), ApiError> {
        let mut session = self.open_one(id)?;
        match session.mode {
            CheckoutMode::Payment => {
                let payment = self.create_payment(NewPayment {
                    amount: session.amount_total.unwrap_or_default(),
                    currency: session.currency.clone().unwrap_or_default(),
                    payment_method: Some(method.to_owned()),
                    confirm: true,
                    customer: session.customer.clone(),
                    methods: session.methods.clone(),
                    return_url: session.success_url.clone(),
                    ..session.then.payment.clone()
                })?;
                // 3-D Secure is a part of the page, and passed.
                if self.payment(&payment)?.status == PaymentStatus::RequiresAction {
                    self.finish_3ds(&payment, true)?;
                }
                if self.payment(&payment)?.status == PaymentStatus::Succeeded {
                    session.payment_status = "paid";
                }
                session.payment_intent = Some(payment);
            }
            CheckoutMode::Setup => {
                let setup = self.create_setup(NewSetup {
                    customer: session.customer.clone(),
                    payment_method: Some(method.to_owned()),
                    metadata: session.then.setup_metadata.clone(),
                    methods: session.methods.clone(),
                    ..NewSetup::default()
                })?;
                self.confirm_setup(&setup, None, session.success_url.clone())?;
                if self.setup(&setup)?.status == SetupStatus::RequiresAction {
                    self.finish_setup_3ds(&setup, true)?;
                }
                session.setup_intent = Some(setup);
            }
            CheckoutMode::Subscription => self.subscribe_on_page(&mut session, method)?,
        }
        session.status = "complete";
        self.save_checkout(&session, "checkout.session.completed");
        Ok(())
    }

    fn subscribe_on_page(
        &mut self,
        session: &mut CheckoutSession,
        method: &str,
    ) -> Result<(), ApiError> {
        let method = self.create_method(method)?;
        if let CardBehaviour::Declines(why) | CardBehaviour::DeclinesWhenCharged(why) =
            method.card.behaviour
        {
            return Err(why.error());
        }
        let customer = match session.customer.clone() {
            Some(customer) => customer,
            None => {
                let email = session.customer_email.clone();
                self.create_customer(NewCustomer { email, ..NewCustomer::default() }.or_jenny()).id
            }
        };
        if method.customer.is_none() {
            self.attach_method(&method.id, &customer)?;
        }
        let price = |item: &LineItem| {
            (text(&item.price, "id").to_owned(), u64::try_from(item.quantity).unwrap_or(1))
        };
        let it = self.subscribe(NewSubscription {
            customer: customer.clone(),
            prices: session.line_items.iter().map(price).collect(),
            card: method.id.clone(),
            trial_days: session.then.trial_days,
            metadata: session.then.subscription_metadata.clone(),
            default_payment_method: Some(method.id),
            ..NewSubscription::default()
        })?;
        // 3-D Secure is a part of the page, and passed.
        let invoice = text(&it, "latest_invoice").to_owned();
        let waiting = self.objects.payment_intents.all().iter().find(|payment| {
            payment.invoice.as_deref() == Some(invoice.as_str())
                && payment.status == PaymentStatus::RequiresAction
        });
        if let Some(id) = waiting.map(|payment| payment.id.clone()) {
            self.finish_3ds(&id, true)?;
        }
        session.customer = Some(customer);
        session.subscription = Some(text(&it, "id").to_owned());
        session.invoice = Some(invoice).filter(|id| !id.is_empty());
        let pays = session.then.trial_days.is_none();
        session.payment_status = if pays { "paid" } else { "no_payment_required" };
        Ok(())
    }

    /// The bank's late answer.
    pub(crate) fn settle_checkout(&mut self, id: &str, succeed: bool) -> Result<(), ApiError> {
        let mut session = self.checkout(id)?;
        let payment = session.payment_intent.clone().unwrap_or_default();
        self.settle_debit(&payment, succeed)?;
        if succeed {
            session.payment_status = "paid";
            self.save_checkout(&session, "checkout.session.async_payment_succeeded");
        } else {
            self.save_checkout(&session, "checkout.session.async_payment_failed");
        }
        Ok(())
    }

    pub(crate) fn expire_checkout(&mut self, id: &str) -> Result<(), ApiError> {
        let mut session = self.open_one(id)?;
        session.status = "expired";
        self.save_checkout(&session, "checkout.session.expired");
        Ok(())
    }

    pub(crate) fn checkout(&self, id: &str) -> Result<CheckoutSession, ApiError> {
        let found = self.objects.checkout_sessions.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("checkout.session", id, "session"))
    }

    fn open_one(&self, id: &str) -> Result<CheckoutSession, ApiError> {
        let session = self.checkout(id)?;
        if session.status == "open" {
            return Ok(session);
        }
        let status = session.status;
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be used. \
            This one has a status of {status}."
        );
        Err(ApiError::invalid(message))
    }

    fn save_checkout(&mut self, session: &CheckoutSession, kind: &str) {
        self.objects.checkout_sessions.put(&session.id, session.clone());
        self.emit(kind, Snapshot::Other(session.render()), None);
    }
}
