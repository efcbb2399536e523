//! Objects of billing that are kept as Stripe shows them: looked up, saved, deleted, and their status checked.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{Snapshot, text};
use crate::store::Tx;

impl Tx<'_> {
    pub(crate) fn document(&self, object: &str, id: &str) -> Result<Value, ApiError> {
        let found = self.objects.documents.get(id).filter(|it| text(it, "object") == object);
        let alive = found.filter(|_| !self.objects.deleted.contains_key(id));
        alive.cloned().ok_or_else(|| ApiError::no_such(object, id, "id"))
    }

    /// Opens the page on which a customer manages subscriptions. It has no event.
    pub(crate) fn open_portal(&mut self, mut session: Value) -> Value {
        let id = self.ids.mint("bps");
        session["url"] = json!(format!("https://billing.stripe.com/p/session/{id}"));
        session["created"] = json!(self.now);
        session["livemode"] = json!(self.scope.livemode);
        session["id"] = json!(id);
        self.objects.documents.put(&id, session.clone());
        session
    }

    /// Writes an object, and emits an event of each type.
    pub(super) fn save_document(&mut self, document: &Value, types: &[&str]) {
        self.objects.documents.put(text(document, "id"), document.clone());
        for kind in types {
            self.emit(kind, Snapshot::Document(document.clone()), None);
        }
    }

    /// Deletes an object, and emits an event with what it was.
    pub(super) fn delete_document(
        &mut self,
        object: &'static str,
        id: &str,
        kind: &str,
    ) -> Result<Value, ApiError> {
        let document = self.document(object, id)?;
        self.objects.deleted.insert(id.to_owned(), object);
        self.emit(kind, Snapshot::Document(document), None);
        Ok(json!({ "id": id, "object": object, "deleted": true }))
    }
}

/// Stripe's refusal of a step that the object's status does not allow.
pub(super) fn wrong_status(document: &Value, verb: &str) -> ApiError {
    let (id, status) = (text(document, "id"), text(document, "status"));
    ApiError::invalid(format!("You cannot {verb} {id}: its status is {status}."))
}

/// The status, if it is one of those.
pub(super) fn expect(document: &Value, allowed: &[&str], verb: &str) -> Result<(), ApiError> {
    if allowed.contains(&text(document, "status")) {
        Ok(())
    } else {
        Err(wrong_status(document, verb))
    }
}
