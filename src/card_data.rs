//! The guard against card data: looks at the texts that come in, refuses what holds card data, logs the field's name
//! alone, and counts.
//!
//! Called by the API and the operators' pages for each text of a request, and by the command line. It never knows how
//! a text came in, or what it is for.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::Value;

use crate::domain::command::RuleBreach;
use crate::domain::command::card_data::{self, CardDataKind};

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FoundLabels {
    found: &'static str,
}

/// What texts are looked at with. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct CardDataGuard {
    exempt: Arc<[String]>,
    refused: Family<FoundLabels, Counter>,
}

impl CardDataGuard {
    /// One that counts for nobody. `exempt`: the paths of fields whose long numbers are no card numbers.
    #[must_use]
    pub fn new(exempt: &[String]) -> Self {
        Self { exempt: exempt.into(), refused: Family::default() }
    }

    /// The same, with its numbers made known to a registry.
    #[must_use]
    pub fn counting(self, registry: &mut Registry) -> Self {
        for kind in CardDataKind::ALL {
            drop(self.refused.get_or_create(&FoundLabels { found: kind.as_str() }));
        }
        registry.register(
            "quittance_card_data_refused",
            "Requests and forms that were refused because they hold card data, by what gave it away",
            self.refused.clone(),
        );
        self
    }

    /// Looks at a text, by the path of its field.
    ///
    /// # Errors
    /// It holds card data, or its field is named like one for card data.
    pub fn look(&self, path: &[&str], text: &str) -> Result<(), RuleBreach> {
        let Some(found) = card_data::find(path, text, &self.exempt) else { return Ok(()) };
        let kind = found.kind.as_str();
        tracing::warn!(field = found.field, kind, "refused a request that holds card data");
        self.refused.get_or_create(&FoundLabels { found: kind }).inc();
        Err(found.breach())
    }

    /// Looks at each text and each name in a JSON document.
    ///
    /// # Errors
    /// As [`Self::look`], for the first that holds card data.
    pub fn look_within(&self, value: &Value) -> Result<(), RuleBreach> {
        self.walk(&mut Vec::new(), value)
    }

    fn walk<'a>(&self, path: &mut Vec<&'a str>, value: &'a Value) -> Result<(), RuleBreach> {
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::String(text) => self.look(path, text),
            Value::Number(number) => self.look(path, &number.to_string()),
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(path, item)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    path.push(name);
                    // An empty object still shows its name.
                    self.look(path, "")?;
                    self.walk(path, value)?;
                    path.pop();
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CARD: &str = "4242 4242 4242 4242";

    #[test]
    fn each_refusal_is_counted_by_what_gave_it_away_and_what_is_let_through_is_not() {
        let guard = CardDataGuard::new(&["metadata.order".to_owned()]);
        assert!(guard.look(&["note"], "a parcel").is_ok());
        assert!(guard.look(&["metadata", "order"], CARD).is_ok());
        assert!(guard.look(&["note"], CARD).is_err());
        assert!(guard.look(&["cvc"], "123").is_err());
        assert!(guard.clone().look(&["card", "number"], "x").is_err());
        let count = |found| guard.refused.get_or_create(&FoundLabels { found }).get();
        assert_eq!(CardDataKind::ALL.map(|kind| count(kind.as_str())), [1, 1, 1]);
    }

    #[test]
    fn a_document_is_looked_at_to_its_end() {
        let guard = CardDataGuard::default();
        let good = json!({"ids": [1, 2], "reason": "a parcel", "selection": {"customer": "cus_1"}});
        assert!(guard.look_within(&good).is_ok());
        for bad in [
            json!({"reason": CARD}),
            json!({"selection": {"text": [CARD]}}),
            json!({"id": 4_242_424_242_424_242_u64}),
            json!({"4242424242424242": {}}),
        ] {
            let breach = guard.look_within(&bad).unwrap_err();
            assert!(!breach.to_string().contains("4242"), "{breach}");
        }
    }
}
