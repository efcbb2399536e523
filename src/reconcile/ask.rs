//! A round asks Stripe: by itself, or a payment and its charge with one request.

use tracing::Instrument as _;
use tracing::field::Empty;

use super::decision::{self, Case};
use super::error::{Evidence, Fault, ReconcileError};
use super::flight::{Brought, Inner};
use super::missing::{self, Asker};
use super::rides::{Passenger, Ride};
use super::task::Task;
use crate::domain::object::{Kind, Subject};
use crate::domain::plan::Next;
use crate::store::Known;
use crate::stripe_api::{Fetched, StripeError};

impl Inner {
    /// What the round has to do with those of its payment or its charge.
    pub(super) fn ride(&self, subject: &Subject, tasks: &[Task]) -> Ride<Brought> {
        if subject.kind == Kind::PaymentIntent {
            return Ride::Driver(self.rides.driver(subject.clone()));
        }
        let payment = tasks.iter().find_map(Task::payment);
        let seat = payment.filter(|_| subject.kind == Kind::Charge).and_then(|payment| {
            let payment =
                Subject { kind: Kind::PaymentIntent, id: payment.clone(), ..subject.clone() };
            self.rides.seat(payment, subject.clone())
        });
        seat.map_or(Ride::Alone, Ride::Seat)
    }

    /// Asks Stripe. `None`: it refuses us the account, which is known or told by what is in hand.
    ///
    /// # Errors
    /// A fault for each open case that asks, in their order.
    pub(super) async fn see(
        &self,
        subject: &Subject,
        known: &Known,
        open: &[&Case<'_>],
        ride: Ride<Brought>,
    ) -> Result<Option<Fetched>, Vec<Fault>> {
        let asking = open.iter().filter(|case| case.next == Next::Fetch);
        let askers: Vec<_> = asking.map(|case| Asker::of(case.task, subject)).collect();
        let all = |error: ReconcileError| vec![Fault::from(error); askers.len()];
        let answer = self.fetch(subject, ride).await.map_err(all)?;
        match (answer, &subject.scope.account) {
            (Err(error), _)
                if error.is_access_lost()
                    && (known.access_ended.is_some() || decision::taken(open).is_some()) =>
            {
                Ok(None)
            }
            (Err(error), Some(account)) if error.is_access_lost() => {
                Err(all(ReconcileError::AccessLost { account: account.clone(), error }))
            }
            (answer, _) => {
                let told_detached = open.iter().any(|case| case.task.tells_detachment());
                let answer = missing::detached(subject, told_detached, answer);
                missing::judge(&self.stripe, subject, &askers, answer, self.read_lag)
                    .await
                    .map(Some)
            }
        }
    }

    /// What Stripe says, or does not; or that it did not answer the payment that was to bring it.
    async fn fetch(
        &self,
        subject: &Subject,
        ride: Ride<Brought>,
    ) -> Result<Result<Fetched, StripeError>, ReconcileError> {
        let span = tracing::info_span!(
            target: "otel", "fetch", otel.kind = "client", otel.status_code = Empty,
            request_id = Empty
        );
        let fetched = self.ask(subject, ride).instrument(span.clone()).await;
        let (request_id, failed) = match &fetched {
            Ok(Ok(fetched)) => (fetched.request_id.clone(), false),
            Ok(Err(error)) => (error.failure().request_id, true),
            Err(error) => (error.failure().request_id, true),
        };
        span.record("request_id", request_id);
        if failed {
            span.record("otel.status_code", "ERROR");
        }
        fetched
    }

    async fn ask(
        &self,
        subject: &Subject,
        ride: Ride<Brought>,
    ) -> Result<Result<Fetched, StripeError>, ReconcileError> {
        match ride {
            Ride::Alone => {}
            Ride::Seat(seat) => match seat.get_in().await {
                Some(Ok(brought)) => {
                    self.metrics.shared(1);
                    return Ok(Ok(*brought));
                }
                Some(Err(fault)) => return Err(ReconcileError::Along(fault)),
                None => {}
            },
            Ride::Driver(driver) => {
                let passengers = driver.depart().await;
                if !passengers.is_empty() {
                    return Ok(self.ask_with(subject, passengers).await);
                }
            }
        }
        Ok(self.stripe.fetch(subject).await)
    }

    /// Asks about a payment and its charge at once. A charge that does not come along asks by itself,
    /// unless there was no answer: it would wait as long for none of its own.
    async fn ask_with(
        &self,
        payment: &Subject,
        passengers: Vec<Passenger<Brought>>,
    ) -> Result<Fetched, StripeError> {
        let charges: Vec<_> = passengers.iter().map(|one| one.charge.clone()).collect();
        let answer = self.stripe.fetch_with_charge(payment, &charges).await;
        let (fetched, charge) = match answer {
            Ok(answer) => answer,
            Err(error) if error.was_answered() => return Err(error),
            Err(error) => {
                let fault = Fault { failure: error.failure(), evidence: Evidence::of(&error) };
                for one in passengers {
                    one.bring(Err(Box::new(fault.clone())));
                }
                return Err(error);
            }
        };
        if let Some((charge, brought)) = charge
            && let Some(one) = passengers.into_iter().find(|one| one.charge == charge)
        {
            one.bring(Ok(Box::new(brought)));
        }
        Ok(fetched)
    }
}
