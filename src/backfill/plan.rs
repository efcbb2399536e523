//! From a request to the ranges that are read: pure.
//!
//! Called when a backfill begins, for each connected account that it comes to, and when a range is shared with an
//! idle slot. Knows the lists of each kind, and neither a request nor a table.

use time::Duration;

use super::request::{BackfillAccounts, BackfillRequest};
use crate::domain::event::Timestamp;
use crate::domain::listing::ObjectList;
use crate::domain::object::Kind;
use crate::store::operation::{NewRange, StoredRange};

/// Before anything at Stripe was created (2010-01-01). Only says where a range is cut in two.
const BEGINNING: Timestamp = 1_262_304_000;

/// A range of fewer seconds is not cut in two.
const SMALLEST: i64 = 3600;

/// The ranges that a backfill begins with. `now`: seconds since 1970. `late`: how many seconds after it was created an
/// object may be listed for the first time; what was created so shortly before `now` is read again after that.
pub(super) fn ranges(request: &BackfillRequest, now: i64, late: i64) -> Vec<NewRange> {
    let mut ranges = Vec::new();
    if request.accounts.has_own() {
        ranges.extend(of_account(request, "", now, late));
    }
    if request.accounts.has_connected() {
        ranges.extend(of_kind(Kind::Account, "", request, now, late));
    }
    if let BackfillAccounts::One(account) = &request.accounts {
        if request.kinds.contains(&Kind::Account) {
            ranges.push(NewRange {
                account: account.to_string(),
                kind: Kind::Account.as_str(),
                list: None,
                filter: "",
                created_from: None,
                created_until: None,
                after_kind: None,
                not_before: None,
                owner: Some(account.to_string()),
            });
        }
        ranges.extend(of_account(request, account.as_str(), now, late));
    }
    ranges
}

/// The ranges of one account; an empty name is our own.
pub(super) fn of_account(
    request: &BackfillRequest,
    account: &str,
    now: i64,
    late: i64,
) -> Vec<NewRange> {
    let kinds = request.kinds.iter().filter(|kind| **kind != Kind::Account);
    kinds.flat_map(|kind| of_kind(*kind, account, request, now, late)).collect()
}

fn of_kind(
    kind: Kind,
    account: &str,
    request: &BackfillRequest,
    now: i64,
    late: i64,
) -> Vec<NewRange> {
    let mut ranges = Vec::new();
    for (nth, list) in (0..).zip(kind.listing().lists) {
        for filter in list.filters {
            let range = NewRange {
                account: account.to_owned(),
                kind: kind.as_str(),
                list: Some(nth),
                filter,
                created_from: None,
                created_until: None,
                after_kind: list.under.map(|owner| owner.object()),
                not_before: None,
                owner: None,
            };
            if !list.by_created {
                ranges.push(range);
                continue;
            }
            let second = |time: time::OffsetDateTime| time.unix_timestamp();
            let from = request.since.map(second);
            // A part of a second counts.
            let until = request.until.map(|time| second(time + Duration::nanoseconds(999_999_999)));
            let late_from = now.saturating_sub(late.saturating_mul(2));
            let is_late = late > 0 && until.is_none_or(|until| until > late_from);
            let whole = NewRange { created_from: from, created_until: until, ..range };
            if is_late {
                ranges.push(NewRange {
                    created_from: Some(from.map_or(late_from, |from| from.max(late_from))),
                    not_before: Some(now.saturating_add(late)),
                    ..whole.clone()
                });
            }
            ranges.push(whole);
        }
    }
    ranges
}

/// Where a range is cut in two, for another slot to read the older half; none where that is not worth it.
pub(super) fn cut(range: &StoredRange, list: &ObjectList) -> Option<Timestamp> {
    let newest = range.reached.filter(|_| list.by_created)?;
    let oldest = range.created_from.unwrap_or(BEGINNING);
    let seconds = newest.saturating_sub(oldest);
    (seconds >= SMALLEST).then(|| oldest.saturating_add(seconds / 2))
}

/// The older half of a range that was cut at this second.
pub(super) fn older_half(
    range: &StoredRange,
    kind: Kind,
    filter: &'static str,
    at: Timestamp,
) -> NewRange {
    NewRange {
        account: range.account.clone(),
        kind: kind.as_str(),
        list: range.list,
        filter,
        created_from: range.created_from,
        created_until: Some(at),
        after_kind: None,
        not_before: None,
        owner: None,
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::id::Mode;

    const NOW: i64 = 1_700_000_000;

    fn request(kinds: &[&str], accounts: &str) -> BackfillRequest {
        BackfillRequest {
            kinds: kinds.iter().map(|kind| Kind::parse(kind).unwrap()).collect(),
            accounts: accounts.parse().unwrap(),
            mode: Mode::Test,
            since: None,
            until: None,
            notify: false,
        }
    }

    fn shown(ranges: &[NewRange]) -> Vec<String> {
        let show = |it: &NewRange| {
            let NewRange { account, kind, filter, created_from, created_until, .. } = it;
            let after = it.after_kind.unwrap_or("");
            format!("{account}:{kind}:{filter}:{created_from:?}:{created_until:?}:{after}")
        };
        ranges.iter().map(show).collect()
    }

    #[test]
    fn each_filter_of_each_list_is_read() {
        let found = ranges(&request(&["price", "tax_id", "subscription"], "own"), NOW, 0);
        assert_eq!(
            shown(&found),
            [
                ":price:active=true:None:None:",
                ":price:active=false:None:None:",
                ":tax_id::None:None:",
                ":tax_id::None:None:customer",
                ":subscription:status=all:None:None:",
            ]
        );
        assert_eq!(found[2].list, Some(0));
        assert_eq!(found[3].list, Some(1));
    }

    #[test]
    fn what_may_be_listed_late_is_read_again() {
        let found = ranges(&request(&["charge", "coupon"], "own"), NOW, 300);
        let again: Vec<_> = found.iter().filter(|it| it.not_before.is_some()).collect();
        assert_eq!((found.len(), again.len()), (4, 2));
        assert_eq!(again[0].created_from, Some(NOW - 600));
        assert_eq!((again[0].created_until, again[0].not_before), (None, Some(NOW + 300)));
        let old = BackfillRequest {
            until: Some(OffsetDateTime::from_unix_timestamp(NOW - 700).unwrap()),
            ..request(&["charge"], "own")
        };
        assert_eq!(shown(&ranges(&old, NOW, 300)), [":charge::None:Some(1699999300):"]);
    }

    #[test]
    fn connected_accounts_are_listed_first_and_one_is_read_by_itself() {
        let connected = request(&["charge", "account"], "connected");
        assert_eq!(shown(&ranges(&connected, NOW, 0)), [":account::None:None:"]);
        assert_eq!(shown(&of_account(&connected, "acct_1", NOW, 0)), ["acct_1:charge::None:None:"]);
        assert_eq!(
            shown(&ranges(&request(&["charge", "account"], "acct_7"), NOW, 0)),
            ["acct_7:account::None:None:", "acct_7:charge::None:None:"]
        );
        assert_eq!(ranges(&request(&["charge"], "all"), NOW, 0).len(), 2);
    }

    #[test]
    fn a_range_is_cut_where_half_of_its_time_is_left() {
        let list = &Kind::Charge.listing().lists[0];
        let range = |from, reached| StoredRange {
            id: 1,
            account: String::new(),
            livemode: false,
            kind: "charge".to_owned(),
            list: Some(0),
            filter: String::new(),
            created_from: from,
            created_until: None,
            owner: None,
            after: None,
            reached,
        };
        assert_eq!(cut(&range(Some(0), Some(10_000)), list), Some(5_000));
        assert_eq!(cut(&range(None, Some(BEGINNING + 8_000)), list), Some(BEGINNING + 4_000));
        assert_eq!(cut(&range(Some(0), Some(3_000)), list), None, "too small");
        assert_eq!(cut(&range(Some(0), None), list), None, "nothing is known of it yet");
        assert_eq!(cut(&range(Some(0), Some(10_000)), &list.undated()), None);
    }
}
