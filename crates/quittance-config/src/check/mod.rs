//! Values that are of the right type and yet impossible, alone or together.

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

/// Looks at everything, and adds what it objects to.
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
    /// Objects unless `holds`; the remedy is what the manual says of the setting.
    fn must(&mut self, holds: bool, key: &str, problem: impl Into<String>) {
        if !holds {
            self.object(&[key], problem, remedy(key));
        }
    }

    /// Objects to the first of `keys`. Not if one of them is at fault already: its value is not the
    /// one that was set, so what is said of it would be misleading.
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
