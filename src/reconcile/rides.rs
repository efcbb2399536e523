//! Rides: a charge that Stripe has to be asked about comes along with its payment, if that has to be
//! asked about, too.
//!
//! Most of what happens to a payment happens to its charge, and Stripe tells it of both at once; so
//! their flights are under way at the same time, and one request can serve two. Nobody waits for
//! what may never come: a payment waits for the charges that are under way until they know whether
//! they have to ask, and such a charge for its payment until that has asked.
//!
//! Why this is as safe as two requests: a charge takes its seat before its row is read, and gets in
//! after that. The payment departs with those that are in; so what it brings them was looked at
//! after their rows were read.
//!
//! Called by a flight, once a round. Knows neither the API nor the tables.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, RwLock, oneshot};

use crate::domain::object::Subject;

/// The payments and charges that are under way, by payment. `T`: what is brought to a charge.
#[derive(Debug)]
pub(super) struct Rides<T> {
    cars: Mutex<HashMap<Subject, Car<T>>>,
}

#[derive(Debug)]
struct Car<T> {
    /// Whether the payment is under way and has not asked yet.
    waits: bool,
    /// How many charges are under way.
    seats: usize,
    /// Read by those of them that do not know yet whether they have to ask; written by the payment,
    /// once they do.
    undecided: Arc<RwLock<()>>,
    /// Those that have to ask.
    inside: Vec<Passenger<T>>,
}

/// A charge that has to be asked about.
#[derive(Debug)]
pub(super) struct Passenger<T> {
    pub(super) charge: Subject,
    /// Where it waits. Dropped: it has to ask by itself.
    waits: oneshot::Sender<T>,
}

/// The part that a round of a flight takes in it, from before its row is read.
#[derive(Debug)]
pub(super) enum Ride<T> {
    Driver(Driver<T>),
    Seat(Seat<T>),
    /// It takes nobody along, and nobody takes it.
    Alone,
}

/// A payment's round, from before its row is read. Dropped, it lets go who waits for it.
#[derive(Debug)]
pub(super) struct Driver<T> {
    rides: Arc<Rides<T>>,
    payment: Subject,
}

/// A charge's round, from before its row is read. Dropped, it lets its payment go.
#[derive(Debug)]
pub(super) struct Seat<T> {
    rides: Arc<Rides<T>>,
    payment: Subject,
    charge: Subject,
    _undecided: OwnedRwLockReadGuard<()>,
}

impl<T> Default for Rides<T> {
    fn default() -> Self {
        Self { cars: Mutex::default() }
    }
}

impl<T> Default for Car<T> {
    fn default() -> Self {
        Self { waits: false, seats: 0, undecided: Arc::default(), inside: Vec::new() }
    }
}

impl<T> Rides<T> {
    /// A payment's round begins. No other one of this payment is under way.
    pub(super) fn driver(self: &Arc<Self>, payment: Subject) -> Driver<T> {
        self.lock().entry(payment.clone()).or_default().waits = true;
        Driver { rides: Arc::clone(self), payment }
    }

    /// A charge's round begins. `None`: its payment is about to ask, which is too early for it.
    pub(super) fn seat(self: &Arc<Self>, payment: Subject, charge: Subject) -> Option<Seat<T>> {
        let mut cars = self.lock();
        let car = cars.entry(payment.clone()).or_default();
        let undecided = Arc::clone(&car.undecided).try_read_owned().ok()?;
        car.seats += 1;
        drop(cars);
        Some(Seat { rides: Arc::clone(self), payment, charge, _undecided: undecided })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Car<T>>> {
        self.cars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a car that is there, and takes it away when it is of no more use.
    fn leave(&self, payment: &Subject, change: impl FnOnce(&mut Car<T>)) {
        if let Entry::Occupied(mut car) = self.lock().entry(payment.clone()) {
            change(car.get_mut());
            if !car.get().waits && car.get().seats == 0 {
                car.remove();
            }
        }
    }
}

impl<T> Passenger<T> {
    /// Brings it what was to be known of it.
    pub(super) fn bring(self, what: T) {
        // Who no longer waits has timed out.
        let _ = self.waits.send(what);
    }
}

impl<T> Driver<T> {
    /// The payment has to be asked about. It departs when the charges under way know whether they
    /// have to be, too; with those that do.
    pub(super) async fn depart(self) -> Vec<Passenger<T>> {
        let undecided = self.rides.lock().get(&self.payment).map(|car| Arc::clone(&car.undecided));
        let Some(undecided) = undecided else { return Vec::new() };
        let _closed = undecided.write().await;
        let mut inside = Vec::new();
        self.rides.leave(&self.payment, |car| {
            car.waits = false;
            inside = std::mem::take(&mut car.inside);
        });
        inside
    }
}

impl<T> Drop for Driver<T> {
    fn drop(&mut self) {
        self.rides.leave(&self.payment, |car| {
            car.waits = false;
            car.inside.clear();
        });
    }
}

impl<T> Seat<T> {
    /// The charge has to be asked about. `Some`: what its payment brought of it; `None`: it has to
    /// ask by itself.
    pub(super) async fn get_in(self) -> Option<T> {
        let (waits, brought) = oneshot::channel();
        {
            let mut cars = self.rides.lock();
            let car = cars.get_mut(&self.payment).filter(|car| car.waits)?;
            car.inside.push(Passenger { charge: self.charge.clone(), waits });
        }
        drop(self);
        brought.await.ok()
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.rides.leave(&self.payment, |car| car.seats = car.seats.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::id::{Mode, ObjectId, Scope};
    use crate::domain::object::Kind;

    fn subject(kind: Kind, id: &str) -> Subject {
        let scope = Scope { account: None, mode: Mode::Test };
        Subject { scope, kind, id: ObjectId::parse(id).unwrap(), owner: None }
    }

    fn payment() -> Subject {
        subject(Kind::PaymentIntent, "pi_1")
    }

    fn charge(id: &str) -> Subject {
        subject(Kind::Charge, id)
    }

    fn rides() -> Arc<Rides<&'static str>> {
        Arc::default()
    }

    #[test]
    fn a_payment_waits_until_its_charges_know_whether_they_have_to_ask() {
        let rides = rides();
        let asks = rides.seat(payment(), charge("ch_1")).unwrap();
        let knows_enough = rides.seat(payment(), charge("ch_2")).unwrap();
        let mut departs = Box::pin(rides.driver(payment()).depart());
        assert!(departs.as_mut().now_or_never().is_none(), "neither knows");
        let mut waits = Box::pin(asks.get_in());
        assert!(waits.as_mut().now_or_never().is_none(), "nothing is brought yet");
        assert!(departs.as_mut().now_or_never().is_none(), "one does not know");
        drop(knows_enough);
        let [passenger] = <[_; 1]>::try_from(departs.now_or_never().unwrap()).unwrap();
        assert_eq!(passenger.charge, charge("ch_1"));
        passenger.bring("a charge");
        assert_eq!(waits.now_or_never().unwrap(), Some("a charge"));
        assert!(rides.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn who_has_nobody_to_wait_for_goes_at_once() {
        let rides = rides();
        assert!(rides.driver(payment()).depart().now_or_never().unwrap().is_empty());
        let seat = rides.seat(payment(), charge("ch_1")).unwrap();
        assert_eq!(seat.get_in().now_or_never().unwrap(), None);
        assert!(rides.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_charge_whose_payment_need_not_be_asked_for_or_failed_asks_by_itself() {
        let rides = rides();
        let driver = rides.driver(payment());
        let seat = rides.seat(payment(), charge("ch_1")).unwrap();
        let mut waits = Box::pin(seat.get_in());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(driver);
        assert_eq!(waits.now_or_never().unwrap(), None);

        let seat = rides.seat(payment(), charge("ch_1")).unwrap();
        let driver = rides.driver(payment());
        let mut waits = Box::pin(seat.get_in());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(driver.depart().now_or_never().unwrap());
        assert_eq!(waits.now_or_never().unwrap(), None);
        assert!(rides.lock().is_empty(), "nothing is left behind");
    }

    /// Its row would be read after the look had begun.
    #[test]
    fn who_comes_while_the_payment_asks_is_not_taken_along() {
        let rides = rides();
        let first = rides.seat(payment(), charge("ch_1")).unwrap();
        let mut departs = Box::pin(rides.driver(payment()).depart());
        assert!(departs.as_mut().now_or_never().is_none());
        assert!(rides.seat(payment(), charge("ch_2")).is_none(), "the doors are closed");
        drop(first);
        assert!(departs.now_or_never().unwrap().is_empty());
        let late = rides.seat(payment(), charge("ch_2")).unwrap();
        assert_eq!(late.get_in().now_or_never().unwrap(), None);
        assert!(rides.lock().is_empty(), "nothing is left behind");
    }
}
