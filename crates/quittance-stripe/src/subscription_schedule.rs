//! Subscription schedule →
//! [`subscription_schedule::Observed`](crate::domain::subscription_schedule::Observed).

use stripe_shared::SubscriptionSchedule;

use super::field::{self, Unfit, id_text};
use crate::domain::subscription_schedule::Observed;

pub(crate) fn observe(it: SubscriptionSchedule) -> Result<Observed, Unfit> {
    Ok(Observed {
        status: field::status("subscription_schedule.status", it.status.as_str())?,
        customer: it.customer.id().as_str().to_owned(),
        subscription: field::object_id(
            "subscription_schedule.subscription",
            id_text(it.subscription.as_ref()),
        )?,
        released_subscription: field::object_id(
            "subscription_schedule.released_subscription",
            it.released_subscription.as_deref(),
        )?,
        end_behavior: it.end_behavior.as_str().to_owned(),
        current_phase_start: it.current_phase.as_ref().map(|phase| phase.start_date),
        current_phase_end: it.current_phase.as_ref().map(|phase| phase.end_date),
        canceled_at: it.canceled_at,
        completed_at: it.completed_at,
        released_at: it.released_at,
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::subscription_schedule::Status;
    use crate::stripe_api::decode;

    fn schedule(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "sub_sched_1", "object": "subscription_schedule", "created": 1,
            "billing_mode": {"type": "classic"}, "customer": "cus_1",
            "default_settings": {
                "billing_cycle_anchor": "automatic", "invoice_settings": {"issuer": {"type": "self"}},
            },
            "end_behavior": "release", "livemode": false, "metadata": {"order_id": "42"},
            "phases": [], "status": "not_started",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap_or_else(|e| panic!("{e}")))
    }

    #[test]
    fn a_schedule_at_work_names_its_subscription_and_its_phase() {
        let it = schedule(json!({
            "status": "active", "subscription": "sub_1",
            "current_phase": {"start_date": 2, "end_date": 3},
        }))
        .unwrap();
        assert_eq!(it.status, Status::Active);
        assert_eq!(it.subscription.unwrap().as_str(), "sub_1");
        assert_eq!((it.current_phase_start, it.current_phase_end), (Some(2), Some(3)));
    }

    #[test]
    fn a_schedule_that_let_go_names_what_it_let_go() {
        let it = schedule(json!({
            "status": "released", "released_subscription": "sub_1", "released_at": 4,
        }))
        .unwrap();
        assert_eq!((it.status, it.released_at), (Status::Released, Some(4)));
        assert_eq!(it.released_subscription.unwrap().as_str(), "sub_1");
        assert_eq!((it.subscription, it.current_phase_end), (None, None));
    }

    #[test]
    fn a_new_status_is_named_with_its_field() {
        let error = schedule(json!({"status": "late"})).unwrap_err().into_error(None);
        assert_eq!(
            error.to_string(),
            "subscription_schedule.status is \"late\": a status that this version does not know"
        );
    }
}
