//! The name of an object as an operator gives it: an id, with type, account and mode where the id is ambiguous.

use crate::domain::id::{AccountId, IdError, Mode, ObjectId, Scope};
use crate::domain::mirror::{self, Parent};
use crate::domain::object::{Kind, Subject};
use crate::store::object::{ObjectKey, ObjectRow};
use crate::store::{Store, StoreError};

/// An object as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its id; of an object without one, its kind's name: `balance`.
    pub id: ObjectId,
    /// Its kind, where the id does not say it.
    pub kind: Option<Kind>,
    /// The connected account; empty for our own; `None` where it is not known.
    pub account: Option<String>,
    /// Live or test, where it is known.
    pub mode: Option<Mode>,
}

impl Name {
    /// An id and nothing else.
    ///
    /// # Errors
    /// It is no id.
    pub fn parse(id: &str) -> Result<Self, IdError> {
        Ok(Self { id: ObjectId::parse(id)?, kind: None, account: None, mode: None })
    }

    /// The name of an object in the store; none where its id cannot be one.
    #[must_use]
    pub fn of_key(key: &ObjectKey) -> Option<Self> {
        Some(Self {
            id: ObjectId::parse(&key.id).ok()?,
            kind: Kind::parse(&key.kind),
            account: Some(key.account.clone()),
            mode: Some(Mode::from_livemode(key.livemode)),
        })
    }

    /// The kinds that it is most likely of.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.kind.map_or_else(|| Kind::of_id(self.id.as_str()), |kind| vec![kind])
    }

    /// The kinds that it may be of. An id that a person chose can begin like one of another kind.
    fn possible_kinds(&self) -> Vec<Kind> {
        let mut kinds = self.kinds();
        if self.kind.is_none() {
            let more: Vec<_> = Kind::with_chosen_ids().filter(|it| !kinds.contains(it)).collect();
            kinds.extend(more);
        }
        kinds
    }
}

/// Why it is not clear which object is meant.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// No table knows it.
    #[error("nothing is known of {id}: no row, no event and no attempt (looked for {})", words(.kinds))]
    Unknown {
        /// The id.
        id: String,
        /// What it was looked for as.
        kinds: Vec<Kind>,
    },
    /// Several objects have this id.
    #[error("{id} names {} objects: {}; say which by its kind, account or mode", .found.len(), keys(.found))]
    Ambiguous {
        /// The id.
        id: String,
        /// All of them.
        found: Vec<ObjectKey>,
    },
    /// Nothing is known of it, and its id does not say enough to ask Stripe.
    #[error("{id}: {missing}")]
    TooLittle {
        /// The id.
        id: String,
        /// What has to be said.
        missing: &'static str,
    },
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn words(kinds: &[Kind]) -> String {
    match kinds {
        [] => "no kind that is handled".to_owned(),
        [kind] => format!("a {}", kind.as_str()),
        _ => {
            let words: Vec<_> = kinds.iter().take(5).map(|kind| kind.as_str()).collect();
            let more = if kinds.len() > words.len() { " and others" } else { "" };
            format!("one of {}{more}", words.join(", "))
        }
    }
}

fn keys(found: &[ObjectKey]) -> String {
    let all = found.iter().map(|key| {
        let account = if key.account.is_empty() { "our own account" } else { &key.account };
        let mode = Mode::from_livemode(key.livemode);
        format!("a {} of {account} in {mode} mode", key.kind)
    });
    all.collect::<Vec<_>>().join(", ")
}

/// An object that the tables know.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Which.
    pub key: ObjectKey,
    /// Its row; none where only events speak of it, because none of them has settled yet.
    pub row: Option<ObjectRow>,
}

impl Known {
    /// The object as the road names it; `None` for a kind that is not handled.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let data = self.row.as_ref().and_then(|row| row.data.as_ref());
        let named = data.and_then(|data| {
            mirror::owners(&self.key.kind).find_map(|field| {
                let value = &data[field.field()];
                let id = value.as_str().or_else(|| value["id"].as_str())?;
                Some(Parent { field, id: field.parse_id(id).ok()? })
            })
        });
        let mut subject = self.key.subject(named)?;
        // Only mirrored kinds are found below another one. One that there is for each owner goes by its
        // owner's id.
        let Some(mirror) = subject.kind.mirror() else {
            subject.owner = None;
            return Some(subject);
        };
        if let Some(field) = mirror.single_of() {
            subject.owner = Some(Parent { field, id: subject.id.clone() });
        }
        Some(subject)
    }
}

/// Finds the object that is meant among those that the tables know.
///
/// # Errors
/// None or several fit, or Postgres.
pub async fn find(store: &Store, name: &Name) -> Result<Known, NameError> {
    let kinds = name.possible_kinds();
    let (id, account) = (name.id.as_str(), name.account.as_deref());
    let mut rows = store.objects_named(&kinds, id, account, name.mode).await?;
    if rows.len() > 1 {
        let found = rows.into_iter().map(|row| row.key).collect();
        return Err(NameError::Ambiguous { id: id.to_owned(), found });
    }
    if let Some(row) = rows.pop() {
        return Ok(Known { key: row.key.clone(), row: Some(row) });
    }
    let mut spoken = store.objects_spoken_of(id, account, name.mode).await?;
    if let Some(kind) = name.kind {
        spoken.retain(|key| key.kind == kind.as_str());
    }
    if spoken.len() > 1 {
        return Err(NameError::Ambiguous { id: id.to_owned(), found: spoken });
    }
    match spoken.pop() {
        Some(key) => Ok(Known { key, row: None }),
        None => Err(NameError::Unknown { id: id.to_owned(), kinds: name.kinds() }),
    }
}

/// The object to ask Stripe about: one that the tables know, or else what the name says by itself.
/// `mode` is that of the key, for a name that says none.
///
/// # Errors
/// The name says too little, several objects fit, or Postgres.
pub async fn subject(store: &Store, name: &Name, mode: Option<Mode>) -> Result<Subject, NameError> {
    let too_little = |missing| NameError::TooLittle { id: name.id.as_str().to_owned(), missing };
    match find(store, name).await {
        Ok(known) => known.subject().ok_or_else(|| {
            too_little("objects of its kind are not handled, so there is nothing to ask for")
        }),
        Err(NameError::Unknown { kinds, .. }) => {
            let [kind] = kinds[..] else {
                return Err(too_little(
                    "nothing is known of it, and its id fits several kinds: say the kind",
                ));
            };
            let mode = name.mode.or(mode).ok_or_else(|| {
                too_little(
                    "nothing is known of it, and the key does not say its mode: say the mode",
                )
            })?;
            let account = match (kind, name.account.as_deref()) {
                (Kind::Account, _) => Some(name.id.as_str()),
                (_, None | Some("")) => None,
                (_, Some(account)) => Some(account),
            };
            let account = account.map(AccountId::parse).transpose();
            let account = account.map_err(|_| too_little("its account is no account's id"))?;
            let scope = Scope { account, mode };
            let id = kind.parse_id(name.id.as_str());
            let id = id.map_err(|_| too_little("no object of this kind has such an id"))?;
            Ok(Subject { scope, kind, id, owner: None })
        }
        Err(
            error @ (NameError::Ambiguous { .. }
            | NameError::TooLittle { .. }
            | NameError::Store(_)),
        ) => Err(error),
    }
}
