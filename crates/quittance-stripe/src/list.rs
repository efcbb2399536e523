//! One page of a list of objects: a hundred objects with one request.
//!
//! Called by whoever reads many objects at once. An entry is what [`Client::fetch`] would have brought: checked,
//! with its inner lists read to their end, redacted, and timed by the page's `Date`. It must never know what
//! becomes of an entry, or which page comes next.

use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Meta;
use super::client::Client;
use super::decode;
use super::error::StripeError;
use super::fetched::Fetched;
use quittance_domain::event::Timestamp;
use quittance_domain::failure::Class;
use quittance_domain::id::{AccountId, Scope, url_segment};
use quittance_domain::listing::ObjectList;
use quittance_domain::mirror::{self, Parent};
use quittance_domain::object::{Kind, Subject};

/// Entries that one page has at most (docs.stripe.com, "Pagination").
pub const PAGE_SIZE: usize = 100;

/// Seconds of Stripe's clock in which objects were created: from `from` until before `until`, both open where
/// they are not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CreatedRange {
    /// The first second.
    pub from: Option<Timestamp>,
    /// The second after the last one.
    pub until: Option<Timestamp>,
}

/// Which page of which list.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// What is listed.
    pub kind: Kind,
    /// The list.
    pub list: &'a ObjectList,
    /// One of the list's filters.
    pub filter: &'a str,
    /// The object that it is the list of, where it is that of one object.
    pub owner: Option<&'a Parent>,
    /// Whose list.
    pub scope: &'a Scope,
    /// Only what was created then; not set for a list that cannot be read like that.
    pub created: CreatedRange,
    /// The id of the entry that the page comes after; none for the first page.
    pub after: Option<&'a str>,
}

/// A page of a list, newest object first.
#[derive(Debug)]
pub struct Page {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The `after` of the next page; none after the last one.
    pub next: Option<String>,
}

/// One object of a page.
#[derive(Debug)]
pub struct Entry {
    /// Its id as Stripe wrote it; empty where it has none.
    pub id: String,
    /// When Stripe created it, where it says so.
    pub created: Option<Timestamp>,
    /// The object; or why this one cannot be read, which says nothing of the others.
    pub found: Result<(Subject, Fetched), StripeError>,
}

impl Client {
    /// Asks Stripe for one page of a list.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class. An object that cannot be read fails by itself, in its entry.
    pub async fn list(&self, wanted: &PageRequest<'_>) -> Result<Page, StripeError> {
        self.check_mode(wanted.scope)?;
        let unknown = StripeError::NoPath { kind: wanted.kind.as_str() };
        let mut request = RequestBuilder::new(StripeMethod::Get, path(wanted).ok_or(unknown)?);
        // The query is a part of the path.
        request.query = None;
        let connected = wanted.scope.account.is_some();
        let answer = self.ask_as(wanted.scope, connected, wanted.list.endpoint, request).await?;
        let of = answer.meta.request_id.as_deref();
        let mut page = decode::json(&answer.body, of)?;
        let undecodable = |path: &str, problem: &str| StripeError::Undecodable {
            path: path.to_owned(),
            problem: problem.to_owned(),
            request_id: of.map(str::to_owned),
        };
        let more = page["has_more"].as_bool().ok_or_else(|| undecodable("has_more", "no flag"))?;
        let Some(data) = page.get_mut("data").and_then(Value::as_array_mut) else {
            return Err(undecodable("data", "not a list"));
        };
        let data = std::mem::take(data);
        let last = data.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        if more && last.is_none() {
            return Err(undecodable("data.id", "not there, so there is nothing to go on from"));
        }
        let mut entries = Vec::with_capacity(data.len());
        for raw in data {
            let id = raw["id"].as_str().unwrap_or_default().to_owned();
            let created = raw["created"].as_i64();
            let found = self.entry(wanted, &answer.meta, raw).await;
            match found {
                // It says nothing of this object: the page is to be read again.
                Err(error) if !matches!(error.failure().class, Class::Permanent) => {
                    return Err(error);
                }
                found => entries.push(Entry { id, created, found }),
            }
        }
        Ok(Page { entries, next: last.filter(|_| more) })
    }

    async fn entry(
        &self,
        wanted: &PageRequest<'_>,
        meta: &Meta,
        raw: Value,
    ) -> Result<(Subject, Fetched), StripeError> {
        let of = meta.request_id.as_deref();
        let undecodable = |problem: String| StripeError::Undecodable {
            path: "id".to_owned(),
            problem,
            request_id: of.map(str::to_owned),
        };
        let id = raw["id"].as_str().ok_or_else(|| undecodable("no text".to_owned()))?;
        let object = wanted.kind.parse_id(id).map_err(|error| undecodable(error.to_string()))?;
        // Everything about a connected account is in its own scope, also what the platform lists.
        let account = if wanted.kind == Kind::Account {
            AccountId::parse(id).map(Some)
        } else {
            Ok(wanted.scope.account.clone())
        };
        let account = account.map_err(|error| undecodable(error.to_string()))?;
        let names_owner = |owner: &&Parent| {
            mirror::owners(wanted.kind.as_str()).any(|field| field == owner.field)
        };
        let subject = Subject {
            scope: Scope { account, mode: wanted.scope.mode },
            kind: wanted.kind,
            id: object,
            owner: wanted.owner.filter(names_owner).cloned(),
        };
        decode::check_identity(&raw, &subject, of)?;
        let fetched = self.finish(&subject, meta.clone(), raw).await?;
        Ok((subject, fetched))
    }
}

/// The path and the query of a page; `None` where the list needs an owner that is not given.
fn path(wanted: &PageRequest<'_>) -> Option<String> {
    let path = wanted.list.path_of(wanted.owner)?;
    let mut path = path.strip_prefix("/v1")?.to_owned();
    let mut mark = if path.contains('?') { '&' } else { '?' };
    let mut add = |part: &str| {
        path.push(mark);
        path.push_str(part);
        mark = '&';
    };
    add(&format!("limit={PAGE_SIZE}"));
    if !wanted.filter.is_empty() {
        add(wanted.filter);
    }
    if let Some(from) = wanted.created.from {
        add(&format!("created%5Bgte%5D={from}"));
    }
    if let Some(until) = wanted.created.until {
        add(&format!("created%5Blt%5D={until}"));
    }
    for field in wanted.kind.spec().map_or(&[][..], |spec| spec.expand) {
        add(&format!("expand%5B%5D=data.{field}"));
    }
    if let Some(after) = wanted.after {
        add(&format!("starting_after={}", url_segment(after)));
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_domain::id::{Mode, ObjectId};
    use quittance_domain::mirror::Owner;

    fn path_of(kind: Kind, list: usize, owner: Option<&Parent>, after: Option<&str>) -> String {
        let list = &kind.listing().lists[list];
        path(&PageRequest {
            kind,
            list,
            filter: list.filters[0],
            owner,
            scope: &Scope { account: None, mode: Mode::Test },
            created: if list.by_created {
                CreatedRange { from: Some(5), until: Some(9) }
            } else {
                CreatedRange::default()
            },
            after,
        })
        .unwrap()
    }

    #[test]
    fn a_page_is_named_whole() {
        assert_eq!(
            path_of(Kind::Invoice, 0, None, Some("in_9")),
            "/invoices?limit=100&created%5Bgte%5D=5&created%5Blt%5D=9\
             &expand%5B%5D=data.amount_paid_off_stripe&expand%5B%5D=data.payments\
             &starting_after=in_9"
        );
        assert_eq!(
            path_of(Kind::Subscription, 0, None, None),
            "/subscriptions?limit=100&status=all&created%5Bgte%5D=5&created%5Blt%5D=9"
        );
        let owner = Parent { field: Owner::Customer, id: ObjectId::parse("a/b").unwrap() };
        assert_eq!(
            path_of(Kind::parse("card").unwrap(), 0, Some(&owner), Some("card 1")),
            "/customers/a%2Fb/sources?object=card&limit=100&starting_after=card%201"
        );
    }
}
