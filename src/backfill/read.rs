//! Reads the next page of a range, and judges a failure to.
//!
//! Called by `run`, which records pages, and by `count`, which compares them. It knows lists and cursors, and neither
//! records anything nor decides which range is next.

use std::time::Duration;

use super::error::BackfillError;
use crate::domain::failure::{Class, Failure};
use crate::domain::id::{AccountId, Mode, ObjectId, Scope};
use crate::domain::listing::ObjectList;
use crate::domain::mirror::Parent;
use crate::domain::object::{Kind, Subject};
use crate::domain::retry::{self, Decision, Jitter, Policy};
use crate::reconcile::{Fault, Reconciler};
use crate::store::Store;
use crate::store::operation::StoredRange;
use crate::stripe_api::{CreatedRange, Page, PageRequest};

/// Waits between the attempts at one page.
const POLICY: Policy = Policy {
    max_attempts: 8,
    first: Duration::from_millis(500),
    factor: 2.0,
    cap: Duration::from_secs(30),
};

/// A range in the words of the rules.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) kind: Kind,
    /// None: one object.
    pub(super) list: Option<&'static ObjectList>,
    pub(super) filter: &'static str,
}

impl Place {
    /// Where a stored range is.
    ///
    /// # Errors
    /// Another version of the program has stored it.
    pub(super) fn of(range: &StoredRange) -> Result<Self, BackfillError> {
        let unknown =
            || BackfillError::Unknown { what: format!("{} {:?}", range.kind, range.list) };
        let account = Some(&*range.account).filter(|account| !account.is_empty());
        let account = account.map(AccountId::parse).transpose().map_err(|_| unknown())?;
        let kind = Kind::parse(&range.kind).ok_or_else(unknown)?;
        let list = range.list.map(|nth| {
            let nth = usize::try_from(nth).ok();
            nth.and_then(|nth| kind.listing().lists.get(nth)).ok_or_else(unknown)
        });
        let list = list.transpose()?;
        let filters = list.map_or(&[""][..], |list| list.filters);
        let filter = filters.iter().find(|filter| **filter == range.filter).ok_or_else(unknown)?;
        let scope = Scope { account, mode: Mode::from_livemode(range.livemode) };
        Ok(Self { scope, kind, list, filter })
    }

    /// The object, of a range that is one.
    pub(super) fn object(&self, range: &StoredRange) -> Option<Subject> {
        let id = range.owner.as_deref().filter(|_| self.list.is_none())?;
        let (scope, kind, id) = (self.scope.clone(), self.kind, ObjectId::parse(id).ok()?);
        Some(Subject { scope, kind, id, owner: None })
    }

    /// The object whose list comes next; `None` after the last one, and for a list of the whole account.
    pub(super) async fn next_owner(
        &self,
        store: &Store,
        range: &StoredRange,
    ) -> Result<Option<Parent>, BackfillError> {
        let Some(field) = self.list.and_then(|list| list.under) else { return Ok(None) };
        let after = range.owner.as_deref().unwrap_or_default();
        let id = store.next_owner(&self.scope, field.object(), after).await?;
        Ok(id.map(|id| Parent { field, id }))
    }

    /// Reads a page of its list.
    pub(super) async fn page(
        &self,
        reconciler: &Reconciler,
        list: &ObjectList,
        owner: Option<&Parent>,
        created: CreatedRange,
        after: Option<&str>,
    ) -> Result<Page, Fault> {
        let (kind, filter, scope) = (self.kind, self.filter, &self.scope);
        reconciler.list(&PageRequest { kind, list, filter, owner, scope, created, after }).await
    }
}

/// What a failure to read or record a page means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// It may pass: the same page again, after that long.
    Again(Duration),
    /// It concerns this list alone, and does not pass: by a stable word, and in words.
    Failed(String, String),
    /// It concerns all of them, and a person has to mend it.
    Stop(String),
}

/// Judges the `attempt`th failure of a page in a row, from 1.
pub(super) fn judge(failure: &Failure, attempt: u32, jitter: Jitter) -> Judged {
    let text = || failure.chain.join(": ");
    let failed = || Judged::Failed(failure.code.clone(), text());
    match failure.class {
        // The key lacks a permission for this kind, or for this account; it may read others.
        Class::Misconfigured(_) if failure.code == "stripe_permission_missing" => return failed(),
        Class::Misconfigured(_) => return Judged::Stop(text()),
        Class::Permanent => return failed(),
        Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. }
        | Class::Unavailable(_) => {}
    }
    // An outage costs time; an error of this page alone is one in the end.
    match retry::decide(failure, attempt, &POLICY, jitter) {
        Decision::Retry { after } | Decision::Snooze { after } => {
            Judged::Again(after.clamp(Duration::from_millis(50), POLICY.cap))
        }
        Decision::DeadLetter { .. } => failed(),
    }
}

/// Whether a failure says that the entry to go on after, or the object whose list is read, is no longer there.
pub(super) fn is_missing(failure: &Failure) -> bool {
    failure.code == "stripe_resource_missing"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Dependency;

    fn judged(class: Class, code: &str, attempt: u32) -> Judged {
        let chain = vec!["why".to_owned()];
        let failure =
            Failure { class, code: code.into(), chain, request_id: None, should_retry: None };
        judge(&failure, attempt, Jitter::new(0.5))
    }

    #[test]
    fn a_missing_permission_is_that_lists_own_and_a_wrong_key_stops_all() {
        let misconfigured = Class::Misconfigured(Dependency::Stripe);
        let lacks = judged(misconfigured, "stripe_permission_missing", 1);
        assert_eq!(lacks, Judged::Failed("stripe_permission_missing".into(), "why".into()));
        assert_eq!(judged(misconfigured, "stripe_key_refused", 1), Judged::Stop("why".into()));
        let refused = judged(Class::Permanent, "stripe_request_refused", 1);
        assert_eq!(refused, Judged::Failed("stripe_request_refused".into(), "why".into()));
    }

    #[test]
    fn an_outage_is_waited_for_and_a_page_that_fails_by_itself_is_given_up() {
        let down = judged(Class::Unavailable(Dependency::Stripe), "stripe_unreachable", 1_000);
        assert!(matches!(down, Judged::Again(_)), "{down:?}");
        let limited = Class::RateLimited { retry_after: Some(Duration::from_hours(1)) };
        assert_eq!(judged(limited, "stripe_rate_limited", 9), Judged::Again(POLICY.cap));
        assert!(matches!(judged(Class::Transient, "stripe_server_error", 7), Judged::Again(_)));
        let failed = judged(Class::Transient, "stripe_server_error", 8);
        assert_eq!(failed, Judged::Failed("stripe_server_error".into(), "why".into()));
    }
}
