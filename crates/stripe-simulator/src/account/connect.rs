//! A connected account and its platform.

use std::sync::Arc;

use serde_json::Value;

use super::Account;
use crate::actions::AccountStep;
use crate::error::ApiError;
use crate::objects::Cause;
use crate::objects::Kind;
use crate::scope::Scope;

impl Account {
    /// A new account, connected to this one; not onboarded yet.
    ///
    /// # Errors
    /// Never: the same shape as the others.
    pub fn connect_new(&self) -> Result<Self, ApiError> {
        let id = self.act(Cause::default(), |tx| format!("acct_1{}", tx.ids.letters(16)));
        let scope = Scope { account: Some(id), livemode: self.scope.livemode };
        let connected = Self::new(Arc::clone(&self.engine), scope);
        connected.act(connected.cause(), |tx| tx.connect_account())?;
        Ok(connected)
    }

    /// Its id, if it is a connected one.
    #[must_use]
    pub fn id(&self) -> &str {
        self.scope.account.as_deref().unwrap_or_default()
    }

    /// Something becomes of this connected account.
    ///
    /// # Errors
    /// It is none.
    pub fn move_account(&self, step: AccountStep) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| tx.move_account(step))
    }

    /// Whether a destination charge to this connected account works, as Stripe's own pages on
    /// Connect say: charges and payouts are on, and transfers are active.
    #[must_use]
    pub fn may_receive(&self) -> bool {
        let is = |value: &Value, pointer: &str| value.pointer(pointer) == Some(&Value::Bool(true));
        self.truth(Kind::Account).iter().any(|it| {
            let transfers = it.pointer("/capabilities/transfers").and_then(Value::as_str);
            is(it, "/charges_enabled") && is(it, "/payouts_enabled") && transfers == Some("active")
        })
    }

    /// This connected account takes the platform's access back, and says so; the event's id.
    pub fn deauthorize(&self) -> String {
        self.engine.store().revoked.insert(self.id().to_owned());
        self.act(Cause::default(), |tx| tx.emit_access("account.application.deauthorized"))
    }

    /// It gives it again; the event's id.
    pub fn authorize(&self) -> String {
        self.engine.store().revoked.remove(self.id());
        self.act(Cause::default(), |tx| tx.emit_access("account.application.authorized"))
    }
}
