//! The service that carries commands out, and its callers.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::error::CommandError;
use super::metrics::Metrics;
use crate::config;
use crate::config::api::CurrencyAmount;
use crate::domain::command::amount::AmountBounds;
use crate::domain::id::{Mode, ObjectId, Scope};
use crate::domain::money::Minor;
use crate::domain::object::{Kind, Subject};
use crate::reconcile::Reconciler;
use crate::store::Store;
use crate::stripe_api::Writer;

/// Who asks, and what they may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// The highest amount of one command, by currency.
    pub max_amount: Vec<CurrencyAmount>,
    /// The highest amount of a day, by currency.
    pub max_daily: Vec<CurrencyAmount>,
    /// The connected accounts that it may pay; none: all.
    pub destinations: Vec<String>,
    /// The person who gives commands by hand: they go into the audit log.
    pub person: Option<Person>,
}

/// A person who gives a command by hand, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name in the audit log.
    pub name: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

impl Caller {
    /// One without limits.
    #[must_use]
    pub fn unlimited(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            max_amount: Vec::new(),
            max_daily: Vec::new(),
            destinations: Vec::new(),
            person: None,
        }
    }

    /// Somebody who gives commands by hand: `operator:ada` at the operators' pages, `cli:ada` at a terminal.
    ///
    /// Each place has keys of its own, so that a key that somebody types never meets one of a page.
    #[must_use]
    pub fn by_hand(place: &str, person: Person) -> Self {
        let name = format!("{place}:{}", person.name);
        Self { person: Some(person), ..Self::unlimited(&name) }
    }
}

/// The highest amount of a currency, if there is one.
pub(super) fn limit(limits: &[CurrencyAmount], currency: &str) -> Option<Minor> {
    limits.iter().find(|limit| limit.currency == currency).map(|limit| limit.amount)
}

/// Carries commands out. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) reconciler: Reconciler,
    pub(super) writer: Writer,
    pub(super) settings: config::Api,
    /// Places for commands that are carried out at once.
    pub(super) places: Arc<Semaphore>,
    pub(super) metrics: Metrics,
}

impl Commands {
    /// Puts it together.
    #[must_use]
    pub fn new(
        store: Store,
        reconciler: Reconciler,
        writer: Writer,
        settings: config::Api,
    ) -> Self {
        Self::counting(store, reconciler, writer, settings, Metrics::default())
    }

    /// The same with counters that a page shows.
    #[must_use]
    pub fn counting(
        store: Store,
        reconciler: Reconciler,
        writer: Writer,
        settings: config::Api,
        metrics: Metrics,
    ) -> Self {
        let places = Arc::new(Semaphore::new(settings.max_in_flight));
        Self { inner: Arc::new(Inner { store, reconciler, writer, settings, places, metrics }) }
    }

    /// The tables.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Asks Stripe for a payment, by its id or its row's, and brings its row up to date.
    ///
    /// # Errors
    /// There is none, or Stripe or Postgres failed.
    pub async fn refresh_payment(&self, id: &str) -> Result<(), CommandError> {
        let known = self.inner.store.payment(id).await?;
        let name = known.map_or_else(|| id.to_owned(), |payment| payment.id);
        let missing = || CommandError::NotFound { what: "payment", id: id.to_owned() };
        let subject = self.inner.payment_subject(&name).ok_or_else(missing)?;
        let refreshed = self.inner.reconciler.refresh(subject).await;
        refreshed.map_err(|fault| CommandError::of_fault(fault, missing))?;
        Ok(())
    }
}

impl Inner {
    pub(super) fn mode(&self) -> Mode {
        self.writer.mode()
    }

    pub(super) fn scope(&self) -> Scope {
        Scope { account: None, mode: self.mode() }
    }

    pub(super) fn payment_subject(&self, id: &str) -> Option<Subject> {
        self.subject(Kind::PaymentIntent, id)
    }

    /// An object that a command is about, if its id is one of its kind.
    pub(super) fn subject(&self, kind: Kind, id: &str) -> Option<Subject> {
        // Those that have a status which a command changes.
        if !matches!(
            kind,
            Kind::PaymentIntent | Kind::CheckoutSession | Kind::SetupIntent | Kind::Subscription
        ) {
            return None;
        }
        let id = ObjectId::parse_made_by_stripe(id).ok()?;
        let fits = kind.prefixes().iter().any(|prefix| id.as_str().starts_with(prefix));
        fits.then(|| Subject { scope: self.scope(), kind, id, owner: None })
    }

    pub(super) fn bounds(&self, currency: &str) -> AmountBounds {
        let amounts = &self.settings.amounts;
        let range = amounts.get(currency).or_else(|| amounts.get("default"));
        range.map_or_else(AmountBounds::default, |range| AmountBounds {
            least: range.min,
            most: range.max,
        })
    }
}
