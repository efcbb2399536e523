//! The handle of a running simulator, for the process that it runs in.

use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::account::Account;
use super::api;
use super::chaos::Chaos;
use super::clock::Clock;
use super::config::{Config, is_live};
use super::engine::Engine;
use super::faults::{ActiveFault, Fault, FaultId, HeldRequest};
use super::objects::Event;
use super::objects::Kind;
use super::scope::Scope;
use super::stats::Stats;
use super::webhooks::{
    Delivered, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint, add_endpoint,
    deliver_once,
};

/// A running simulator. It stops when the last clone of the handle is dropped.
#[derive(Clone)]
pub struct Simulator {
    engine: Arc<Engine>,
    base_url: Arc<str>,
    /// Ends the server and the delivery tasks, which hold the engine themselves.
    _stop: Arc<DropGuard>,
}

impl Simulator {
    /// Starts to answer on a listener, within the current tokio runtime.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(listener: TcpListener, config: Config) -> std::io::Result<Self> {
        let base_url = format!("http://{}", listener.local_addr()?).into();
        let engine = Arc::new(Engine::new(config));
        engine.tasks.spawn(api::serve(Arc::clone(&engine), listener));
        let stop = Arc::new(engine.stop.clone().drop_guard());
        Ok(Self { engine, base_url, _stop: stop })
    }

    /// What to put in the place of `https://api.stripe.com`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The key of the account.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.engine.config.secret_key
    }

    /// Stops answering and delivering, and waits until all of it has ended.
    pub async fn shutdown(&self) {
        self.engine.stop.cancel();
        self.engine.tasks.close();
        self.engine.tasks.wait().await;
    }

    /// The clock, to stop it or put it forward.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// The chaos profile in force.
    #[must_use]
    pub fn chaos(&self) -> Chaos {
        self.engine.chaos()
    }

    /// Changes the chaos profile. Deliveries that are queued already keep theirs.
    pub fn set_chaos(&self, change: impl FnOnce(&mut Chaos)) {
        self.engine.set_chaos(change);
    }

    /// Puts a fault in force for the requests of some endpoint.
    pub fn add_fault(&self, fault: Fault) -> FaultId {
        self.engine.faults.add(fault)
    }

    /// Ends a fault. False if it was ended before.
    pub fn remove_fault(&self, fault: FaultId) -> bool {
        self.engine.faults.remove(fault)
    }

    /// Ends all faults. Requests that are held stay so.
    pub fn clear_faults(&self) {
        self.engine.faults.clear();
    }

    /// The faults in force, and how many requests met each.
    #[must_use]
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.engine.faults.active()
    }

    /// The oldest request that a fault holds, as soon as there is one.
    pub async fn next_held(&self) -> HeldRequest {
        self.engine.faults.next_held().await
    }

    /// The same, if there is one already.
    #[must_use]
    pub fn try_next_held(&self) -> Option<HeldRequest> {
        self.engine.faults.take_held(None)
    }

    /// The own account, in the mode of its key, used without HTTP.
    #[must_use]
    pub fn platform(&self) -> Account {
        Account::new(Arc::clone(&self.engine), self.engine.scope(None))
    }

    /// A connected account, `acct_...`. It exists as soon as it is named.
    #[must_use]
    pub fn connected(&self, account: &str) -> Account {
        Account::new(Arc::clone(&self.engine), self.engine.scope(Some(account)))
    }

    /// The own account in the mode of another key, `sk_live_...` say.
    #[must_use]
    pub fn platform_with_key(&self, key: &str) -> Account {
        let scope = Scope { livemode: is_live(key), ..self.engine.scope(None) };
        Account::new(Arc::clone(&self.engine), scope)
    }

    /// A connected account takes its access back: requests for it answer 403 from here on.
    pub fn revoke(&self, account: &str) {
        self.engine.store().revoked.insert(account.to_owned());
    }

    /// Connected accounts that took their access back.
    #[must_use]
    pub fn revoked(&self) -> Vec<String> {
        self.engine.store().revoked.iter().cloned().collect()
    }

    /// Registers an endpoint. It receives the events that happen from here on.
    pub fn add_endpoint(&self, endpoint: WebhookEndpoint) -> EndpointId {
        add_endpoint(&self.engine, endpoint)
    }

    /// Rolls an endpoint's secrets: with two, each delivery carries two signatures. False if there
    /// is no such endpoint.
    pub fn set_secrets(&self, endpoint: EndpointId, secrets: &[&str]) -> bool {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self.engine.webhooks.change(endpoint, |endpoint| endpoint.secrets = secrets)
    }

    /// Changes an endpoint: disables it, or says which types of event it is sent. False if there is no such
    /// endpoint.
    pub fn change_endpoint(
        &self,
        endpoint: EndpointId,
        change: impl FnOnce(&mut WebhookEndpoint),
    ) -> bool {
        self.engine.webhooks.change(endpoint, change)
    }

    /// Whether events are delivered as they happen. Those that were kept back stay so.
    pub fn set_auto_deliver(&self, auto: bool) {
        self.engine.set_auto_deliver(auto);
    }

    /// Posts an event once to each endpoint that receives it, now, and says what they answered.
    ///
    /// # Errors
    /// There is no such event.
    pub async fn deliver(&self, event: &str) -> Result<Vec<Delivered>, NotDelivered> {
        let event = self.event(event)?;
        Ok(deliver_once(&self.engine, &event).await)
    }

    /// Sends an event again, as Stripe's "Resend" does, and repeats it until it is acknowledged.
    ///
    /// # Errors
    /// There is no such event.
    pub fn redeliver(&self, event: &str) -> Result<(), NotDelivered> {
        let event = self.event(event)?;
        self.engine.webhooks.redeliver(&event);
        Ok(())
    }

    /// Sends all events that were kept back.
    pub fn release(&self) {
        self.engine.webhooks.release(|id| self.event(id).ok());
    }

    /// Waits until no delivery is in flight.
    ///
    /// # Errors
    /// Some were given up, or the simulator stopped first.
    pub async fn wait_all_acknowledged(&self) -> Result<(), Unacknowledged> {
        let mut in_flight = self.engine.webhooks.watch();
        tokio::select! {
            () = self.engine.stop.cancelled() => {}
            // The sender lives as long as this handle.
            _ = in_flight.wait_for(|count| *count == 0) => {}
        }
        let events = self.engine.webhooks.unacknowledged();
        if events.is_empty() { Ok(()) } else { Err(Unacknowledged { events }) }
    }

    /// Accounts and modes in which something happened.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        self.engine.store().objects.keys().cloned().collect()
    }

    /// All objects of a kind as they are now, of all accounts and modes, oldest first within one.
    #[must_use]
    pub fn truth(&self, kind: Kind) -> Vec<Value> {
        self.scopes().iter().flat_map(|scope| self.truth_in(scope, kind)).collect()
    }

    /// The same for one account and mode.
    #[must_use]
    pub fn truth_in(&self, scope: &Scope, kind: Kind) -> Vec<Value> {
        Account::new(Arc::clone(&self.engine), scope.clone()).truth(kind)
    }

    /// The ids of the events that were never delivered ([`Chaos::swallowed`]).
    #[must_use]
    pub fn swallowed(&self) -> Vec<String> {
        self.engine.swallowed().iter().cloned().collect()
    }

    /// All counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { requests: self.engine.counters.snapshot(), webhooks: self.engine.webhooks.counts() }
    }

    fn event(&self, id: &str) -> Result<Arc<Event>, NotDelivered> {
        self.engine.event(id).ok_or_else(|| NotDelivered::NoSuchEvent(id.to_owned()))
    }
}
