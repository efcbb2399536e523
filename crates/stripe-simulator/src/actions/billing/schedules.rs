//! Subscription schedules.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::text;
use crate::store::Tx;

use super::documents::expect;

const PHASE: i64 = 30 * 24 * 3600;

impl Tx<'_> {
    pub(crate) fn create_schedule(&mut self, customer: &str) -> Result<Value, ApiError> {
        let schedule = json!({
            "id": self.ids.mint("sub_sched"),
            "object": "subscription_schedule",
            "application": null,
            "billing_mode": { "type": "classic" },
            "canceled_at": null,
            "completed_at": null,
            "created": self.now,
            "current_phase": null,
            "customer": customer,
            "default_settings": {
                "billing_cycle_anchor": "automatic",
                "invoice_settings": { "issuer": { "type": "self" } },
            },
            "end_behavior": "release",
            "livemode": self.scope.livemode,
            "metadata": { "order_id": customer },
            "phases": [],
            "released_at": null,
            "released_subscription": null,
            "status": "not_started",
            "subscription": null,
        });
        self.save_document(&schedule, &["subscription_schedule.created"]);
        Ok(schedule)
    }

    /// Its first phase begins, with a subscription.
    pub(crate) fn start_schedule(
        &mut self,
        id: &str,
        subscription: &str,
    ) -> Result<Value, ApiError> {
        let mut schedule = self.document("subscription_schedule", id)?;
        expect(&schedule, &["not_started"], "start")?;
        schedule["status"] = json!("active");
        schedule["subscription"] = json!(subscription);
        schedule["current_phase"] = json!({ "start_date": self.now, "end_date": self.now + PHASE });
        let mut it = self.document("subscription", subscription)?;
        it["schedule"] = json!(id);
        self.save_document(&it, &["customer.subscription.updated"]);
        self.save_document(&schedule, &["subscription_schedule.updated"]);
        Ok(schedule)
    }

    pub(crate) fn release_schedule(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut schedule = self.leave(id, "released", "released_at")?;
        schedule["released_subscription"] = schedule["subscription"].take();
        self.save_document(&schedule, &["subscription_schedule.released"]);
        Ok(schedule)
    }

    pub(crate) fn complete_schedule(&mut self, id: &str) -> Result<Value, ApiError> {
        let schedule = self.leave(id, "completed", "completed_at")?;
        self.save_document(&schedule, &["subscription_schedule.completed"]);
        Ok(schedule)
    }

    pub(crate) fn cancel_schedule(&mut self, id: &str) -> Result<Value, ApiError> {
        let schedule = self.leave(id, "canceled", "canceled_at")?;
        self.cancel_subscription(text(&schedule, "subscription"))?;
        self.save_document(&schedule, &["subscription_schedule.canceled"]);
        Ok(schedule)
    }

    fn leave(&mut self, id: &str, status: &str, at: &str) -> Result<Value, ApiError> {
        let mut schedule = self.document("subscription_schedule", id)?;
        expect(&schedule, &["active"], "end")?;
        schedule["status"] = json!(status);
        schedule[at] = json!(self.now);
        schedule["current_phase"] = Value::Null;
        Ok(schedule)
    }
}
