//! What becomes of a connected account (docs.stripe.com, "Handle verification with the API",
//! "Account capabilities").

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::Snapshot;
use crate::store::Tx;

/// A change of a connected account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStep {
    /// Onboarding is through: all that it asked for works.
    Onboarded,
    /// Its bank account is gone: payouts are off, its capabilities stay active.
    PayoutsPaused,
    /// A document is missing: it may not receive transfers.
    TransfersLost,
    /// More will be wanted, by a date; so far all works.
    MoreDue,
}

const DAY: i64 = 24 * 3600;

impl Tx<'_> {
    pub(crate) fn account(&self, id: &str) -> Result<Value, ApiError> {
        let found = self.objects.accounts.get(id).cloned();
        found.ok_or_else(|| {
            let message = format!("No access to account '{id}' (or it does not exist).");
            ApiError::new(403, "invalid_request_error", message).code("account_invalid")
        })
    }

    pub(crate) fn capability(&self, name: &str) -> Result<Value, ApiError> {
        let found = self.objects.capabilities.get(name).cloned();
        found.ok_or_else(|| ApiError::no_such("capability", name, "capability"))
    }

    /// A new account, with all still to be handed in.
    pub(crate) fn connect_account(&mut self) -> Result<Value, ApiError> {
        let id = self.own_id()?;
        let fields = ["external_account", "tos_acceptance.date"];
        let account = json!({
            "id": id,
            "object": "account",
            "business_type": "company",
            "capabilities": { "card_payments": "inactive", "transfers": "inactive" },
            "charges_enabled": false,
            "country": "DE",
            "created": self.now,
            "default_currency": "eur",
            "details_submitted": false,
            "email": "owner@example.com",
            "metadata": { "shop": "42" },
            "payouts_enabled": false,
            "requirements": requirements(&fields, &fields, Some("requirements.past_due"), None),
            "type": "express",
        });
        for name in ["card_payments", "transfers"] {
            let capability = json!({
                "id": name,
                "object": "capability",
                "account": id,
                "requested": true,
                "requested_at": self.now,
                "requirements": requirements(&fields, &[], Some("requirements.fields_needed"), None),
                "status": "inactive",
            });
            self.save_capability(&capability);
        }
        self.save_account(&account);
        Ok(account)
    }

    pub(crate) fn move_account(&mut self, step: AccountStep) -> Result<Value, ApiError> {
        let mut account = self.account(&self.own_id()?)?;
        let none = requirements(&[], &[], None, None);
        match step {
            AccountStep::Onboarded => {
                account["details_submitted"] = json!(true);
                account["charges_enabled"] = json!(true);
                account["payouts_enabled"] = json!(true);
                account["requirements"] = none.clone();
                self.set_capability(&mut account, "card_payments", "active", &none)?;
                self.set_capability(&mut account, "transfers", "active", &none)?;
            }
            AccountStep::PayoutsPaused => {
                let fields = ["external_account"];
                account["payouts_enabled"] = json!(false);
                account["requirements"] =
                    requirements(&fields, &fields, Some("requirements.past_due"), None);
                let bank = json!({
                    "id": self.ids.mint("ba"), "object": "bank_account", "account": account["id"],
                    "country": "DE", "currency": "eur", "last4": "3000", "status": "errored",
                });
                self.emit("account.external_account.updated", Snapshot::Other(bank), None);
            }
            AccountStep::TransfersLost => {
                let due = Some(self.now + 7 * DAY);
                let needed =
                    requirements(&["company.tax_id"], &[], Some("requirements.fields_needed"), due);
                self.set_capability(&mut account, "transfers", "inactive", &needed)?;
            }
            AccountStep::MoreDue => {
                let due = Some(self.now + 14 * DAY);
                account["requirements"] = requirements(&["company.tax_id"], &[], None, due);
            }
        }
        self.save_account(&account);
        Ok(account)
    }

    /// The account's own word on our access.
    pub(crate) fn emit_access(&mut self, kind: &str) -> String {
        let application = json!({ "id": "ca_Simulator", "object": "application", "name": "Shop" });
        self.emit(kind, Snapshot::Other(application), None)
    }

    fn set_capability(
        &mut self,
        account: &mut Value,
        name: &str,
        status: &str,
        requirements: &Value,
    ) -> Result<(), ApiError> {
        let mut capability = self.capability(name)?;
        capability["status"] = json!(status);
        capability["requirements"] = requirements.clone();
        account["capabilities"][name] = json!(status);
        // Whoever looks at the account from now on sees it there too.
        let id = self.own_id()?;
        self.objects.accounts.put(&id, account.clone());
        self.save_capability(&capability);
        Ok(())
    }

    fn save_capability(&mut self, capability: &Value) {
        let name = capability["id"].as_str().unwrap_or_default();
        self.objects.capabilities.put(name, capability.clone());
        self.emit("capability.updated", Snapshot::Other(capability.clone()), None);
    }

    fn save_account(&mut self, account: &Value) {
        let id = account["id"].as_str().unwrap_or_default();
        self.objects.accounts.put(id, account.clone());
        self.emit("account.updated", Snapshot::Other(account.clone()), None);
    }

    fn own_id(&self) -> Result<String, ApiError> {
        let id = self.scope.account.clone();
        id.ok_or_else(|| ApiError::invalid("This is no connected account."))
    }
}

fn requirements(
    currently_due: &[&str],
    past_due: &[&str],
    disabled_reason: Option<&str>,
    deadline: Option<i64>,
) -> Value {
    json!({
        "alternatives": [],
        "current_deadline": deadline,
        "currently_due": currently_due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": currently_due,
        "past_due": past_due,
        "pending_verification": [],
    })
}

/// The account of the key itself, as much of it as says whether a key works.
pub(crate) fn render_account(id: &str) -> Value {
    json!({
        "id": id,
        "object": "account",
        "business_type": "company",
        "capabilities": { "card_payments": "active", "transfers": "active" },
        "charges_enabled": true,
        "country": "DE",
        "created": 1_600_000_000,
        "default_currency": "eur",
        "details_submitted": true,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": true,
        "type": "standard",
    })
}
