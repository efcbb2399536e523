use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { overlap: 0, settle: 300, most: 100 };

fn shown(began_at: Timestamp, fingerprint: &str, open: u32) -> impl Fn(Span) -> Shown {
    let fingerprint = fingerprint.to_owned();
    move |_| Shown { began_at, fingerprint: fingerprint.clone(), events: 1, open }
}

fn span(from: Timestamp, until: Timestamp) -> Span {
    Span { from, until }
}

/// An account whose list was read once, from 1,000 to 1,060.
fn listed_once() -> Progress {
    let mut progress = Progress::beginning_at(1_000);
    progress.note(span(1_000, 1_060), &RULES, shown(1_060, "a", 0));
    progress
}

#[test]
fn one_listing_claims_nothing() {
    let progress = listed_once();
    assert_eq!((progress.complete_until, progress.listed_until), (1_000, 1_060));
    assert_eq!(progress.due(1_359, &RULES), []);
    assert_eq!(progress.due(1_360, &RULES), [span(1_000, 1_060)]);
}

#[test]
fn the_same_list_five_minutes_after_the_end_closes_the_range() {
    let mut progress = listed_once();
    progress.note(span(1_000, 1_060), &RULES, shown(1_360, "a", 0));
    assert_eq!((progress.complete_until, progress.ranges.len()), (1_060, 0));
}

#[test]
fn the_same_list_too_early_closes_nothing() {
    let mut progress = listed_once();
    progress.note(span(1_000, 1_060), &RULES, shown(1_359, "a", 0));
    assert_eq!(progress.complete_until, 1_000);
}

#[test]
fn an_event_listed_late_asks_for_another_listing() {
    let mut progress = listed_once();
    progress.note(span(1_000, 1_060), &RULES, shown(1_400, "ab", 0));
    assert_eq!(progress.complete_until, 1_000, "the second list differs from the first");
    assert_eq!(progress.due(1_699, &RULES), []);
    progress.note(span(1_000, 1_060), &RULES, shown(1_700, "ab", 0));
    assert_eq!(progress.complete_until, 1_060);
}

#[test]
fn an_event_that_has_not_ended_keeps_the_range_open_and_those_after_it_behind_it() {
    let mut progress = listed_once();
    progress.note(span(1_060, 1_120), &RULES, shown(1_120, "b", 0));
    progress.note(span(1_120, 1_180), &RULES, shown(1_180, "c", 0));
    progress.note(span(1_000, 1_060), &RULES, shown(1_500, "a", 1));
    progress.note(span(1_060, 1_180), &RULES, |range| {
        let fingerprint = if range.from == 1_060 { "b" } else { "c" };
        shown(1_500, fingerprint, 0)(range)
    });
    assert_eq!(progress.complete_until, 1_000);
    assert_eq!(progress.ranges.len(), 2, "the closed ones are one");
    progress.note(span(1_000, 1_060), &RULES, shown(1_800, "a", 0));
    assert_eq!((progress.complete_until, progress.ranges.len()), (1_180, 0));
}

#[test]
fn a_range_that_was_listed_in_part_learns_nothing() {
    let mut progress = listed_once();
    progress.note(span(1_030, 1_400), &RULES, shown(1_400, "a", 0));
    assert_eq!(progress.complete_until, 1_000);
    let spans: Vec<_> = progress.ranges.iter().map(|range| range.span).collect();
    assert_eq!(spans, [span(1_000, 1_060), span(1_060, 1_400)]);
}

#[test]
fn a_listing_after_a_gap_does_not_bridge_it() {
    let mut progress = listed_once();
    progress.note(span(1_100, 1_200), &RULES, shown(1_200, "x", 0));
    assert_eq!((progress.listed_until, progress.ranges.len()), (1_060, 1));
}

#[test]
fn what_stripe_lists_no_longer_is_given_up_and_not_claimed() {
    let mut progress = listed_once();
    let late = 1_060 + LISTED_FOR;
    // Nothing is listed of it any more, twice.
    progress.note(span(1_000, 1_060), &RULES, shown(late, "", 0));
    progress.note(span(1_000, 1_060), &RULES, shown(late + 1, "", 0));
    assert_eq!(progress.complete_until, 1_000);
    let gap = progress.give_up(late);
    assert_eq!(gap, Some(span(1_000, late - LISTED_FOR + MARGIN)));
    assert_eq!(progress.since, progress.complete_until);
    assert_eq!(progress.give_up(late), None);
}

#[test]
fn each_look_reads_the_overlap_again_but_nothing_that_is_complete() {
    let rules = Rules { overlap: 120, ..RULES };
    let mut progress = listed_once();
    assert_eq!(progress.reads_from(&rules), 1_000);
    progress.note(span(1_060, 1_600), &rules, shown(1_600, "b", 0));
    assert_eq!(progress.reads_from(&rules), 1_480);
}

#[test]
fn neighbours_are_listed_again_together_as_long_as_they_are_few() {
    let mut progress = listed_once();
    progress.note(span(1_060, 1_120), &RULES, shown(1_120, "b", 0));
    progress.note(span(1_120, 1_180), &RULES, shown(1_180, "c", 0));
    assert_eq!(progress.due(5_000, &Rules { most: 3, ..RULES }), [span(1_000, 1_180)]);
    assert_eq!(
        progress.due(5_000, &Rules { most: 2, ..RULES }),
        [span(1_000, 1_120), span(1_120, 1_180)]
    );
}

#[test]
fn ranges_that_stay_open_become_one() {
    let mut progress = listed_once();
    progress.note(span(1_060, 1_120), &RULES, shown(1_120, "b", 1));
    progress.note(span(1_000, 1_120), &RULES, shown(2_000, "ab", 1));
    let ranges: Vec<_> = progress.ranges.iter().map(|range| (range.span, range.due_at)).collect();
    assert_eq!(ranges, [(span(1_000, 1_120), 2_300)]);
    progress.note(span(1_000, 1_120), &RULES, shown(2_300, "ab", 0));
    assert_eq!(progress.complete_until, 1_120);
}

#[test]
fn a_silent_account_is_looked_at_less_and_less_within_a_bound() {
    assert_eq!(next_wait(60, 60, 900, false), 120);
    assert_eq!(next_wait(800, 60, 900, false), 900);
    assert_eq!(next_wait(900, 60, 900, true), 60);
    assert_eq!(next_wait(60, 60, 10, false), 60, "the bound is never below the interval");
}

/// An event of a Stripe that lists late: made, listable from, ended here.
#[derive(Debug, Clone)]
struct Made {
    created: Timestamp,
    listable: Timestamp,
    ended: Timestamp,
}

fn made() -> impl Strategy<Value = Made> {
    // Listable within the time that the rule trusts in.
    (1_000..3_000_i64, 0..300_i64, 0..2_000_i64).prop_map(|(created, late, until_end)| Made {
        created,
        listable: created + late,
        ended: created + until_end,
    })
}

proptest! {
    /// Whatever is listed when, in whatever pieces: nothing before the watermark is missing here.
    #[test]
    fn the_watermark_never_claims_too_much(
        events in proptest::collection::vec(made(), 0..40),
        looks in proptest::collection::vec((1..400_i64, 0..3_u8, 0..200_i64), 1..60),
        overlap in 0..200_i64,
    ) {
        let rules = Rules { overlap, settle: 300, most: 10 };
        let mut progress = Progress::beginning_at(1_000);
        let mut now = 1_000;
        for (step, what, grace) in looks {
            now += step;
            let list = |span: Span| -> BTreeMap<usize, bool> {
                let shown = events.iter().enumerate();
                let shown = shown.filter(|(_, event)| span.holds(event.created) && event.listable <= now);
                shown.map(|(n, event)| (n, event.ended <= now)).collect()
            };
            let see = |span: Span| {
                let list = list(span);
                Shown {
                    began_at: now,
                    fingerprint: format!("{:?}", list.keys().collect::<Vec<_>>()),
                    events: u32::try_from(list.len()).unwrap(),
                    open: u32::try_from(list.values().filter(|ended| !**ended).count()).unwrap(),
                }
            };
            let spans = match what {
                0 => vec![span(progress.reads_from(&rules), now - grace)],
                1 => progress.due(now, &rules),
                _ => vec![span(progress.complete_until, now)],
            };
            for listed in spans {
                progress.note(listed, &rules, see);
            }
            for event in &events {
                let claimed = event.created < progress.complete_until;
                prop_assert!(!claimed || event.ended <= now, "{event:?} at {now}: {progress:?}");
            }
            prop_assert!(progress.complete_until <= progress.listed_until);
            let mut at = progress.complete_until;
            for range in &progress.ranges {
                prop_assert_eq!(range.span.from, at);
                at = range.span.until;
            }
            prop_assert_eq!(at, progress.listed_until);
        }
    }
}
