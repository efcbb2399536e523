//! Checks of values beyond their types: ranges, formats and combinations.

mod admin;
mod api;
mod outbox;
mod ranges;
mod stripe;
mod urls;

use super::Settings;
use super::fault::Fault;
use super::layers::{Layers, remedy};
use super::redact;

/// Checks all settings, and adds the faults.
pub(super) fn check(settings: &Settings, layers: &Layers, faults: &mut Vec<Fault>) {
    let mut checker = Checker { layers, faults };
    ranges::check(settings, &mut checker);
    ranges::check_together(settings, &mut checker);
    urls::check(settings, &mut checker);
    stripe::check(settings, &mut checker);
    outbox::check(settings, &mut checker);
    admin::check(settings, &mut checker);
    api::check(settings, &mut checker);
}

struct Checker<'a> {
    layers: &'a Layers,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// Adds a fault unless `holds`; the remedy is the manual's text about the setting.
    fn must(&mut self, holds: bool, key: &str, problem: impl Into<String>) {
        if !holds {
            self.object(&[key], problem, remedy(key));
        }
    }

    /// Adds a fault of the first of `keys`, unless one of them has a fault already: then its value is not the one
    /// that was set, so the message would be misleading.
    fn object(&mut self, keys: &[&str], problem: impl Into<String>, remedy: impl Into<String>) {
        let Some(key) = keys.first() else { return };
        if self.faults.iter().any(|fault| keys.contains(&&*fault.key)) {
            return;
        }
        let leaf = self.layers.get(key);
        self.faults.push(Fault {
            key: (*key).to_owned(),
            value: leaf.and_then(|leaf| redact::shown(key, &leaf.value)),
            origin: leaf.map(|leaf| leaf.origin.clone()),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }
}
