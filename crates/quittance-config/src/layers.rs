//! Layers of settings: the value of each with its origin, later layers over earlier ones.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::fault::{Fault, Origin};
use super::manual;
use super::suggest::nearest;

/// A value and its origin.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// All settings, by path. It contains secrets, so it has no `Debug`.
pub(super) struct Layers {
    defaults: Table,
    leaves: BTreeMap<Vec<String>, Leaf>,
}

impl Layers {
    /// The layer of the defaults.
    pub(super) fn new() -> Result<Self, toml::de::Error> {
        let defaults = manual::table()?;
        let mut layers = Self { defaults: defaults.clone(), leaves: BTreeMap::new() };
        layers.put_table(Vec::new(), defaults, &Origin::Default, &mut Vec::new());
        Ok(layers)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Leaf> {
        self.leaves.iter().find(|(path, _)| path.join(".") == key).map(|(_, leaf)| leaf)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &Leaf)> {
        self.leaves.iter().map(|(path, leaf)| (path.join("."), leaf))
    }

    /// Adds a layer from a table.
    pub(super) fn put_table(
        &mut self,
        at: Vec<String>,
        table: Table,
        origin: &Origin,
        faults: &mut Vec<Fault>,
    ) {
        for (key, value) in table {
            let path = [&at[..], &[key]].concat();
            match (manual::template(&self.defaults, &path), value) {
                (None, _) => faults.push(self.unknown(&path, origin)),
                (Some(Value::Table(_)), Value::Table(inner)) => {
                    self.know_member(&path);
                    self.put_table(path, inner, origin, faults);
                }
                (Some(template), value) => match fit(template, value) {
                    Ok(value) => self.put(path, value, origin.clone()),
                    Err(problem) => faults.push(fault_at(&path, origin, problem)),
                },
            }
        }
    }

    /// Sets one value, parsed from a text by the type of the setting.
    pub(super) fn put_text(
        &mut self,
        path: Vec<String>,
        text: &str,
        origin: Origin,
        faults: &mut Vec<Fault>,
    ) {
        let Some(template) = manual::template(&self.defaults, &path) else {
            faults.push(self.unknown(&path, &origin));
            return;
        };
        match read(template, text) {
            Ok(value) => {
                self.know_member(&path);
                self.put(path, value, origin);
            }
            Err(problem) => faults.push(fault_at(&path, &origin, problem)),
        }
    }

    /// Replaces a refused value by the default, so that later values are checked too. Returns whether the value
    /// was not the default already.
    pub(super) fn reset(&mut self, key: &str) -> bool {
        let found = self.leaves.iter_mut().find(|(path, _)| path.join(".") == key);
        let Some((path, leaf)) = found else { return false };
        let Some(template) = manual::template(&self.defaults, path) else { return false };
        let changed = leaf.origin != Origin::Default;
        *leaf = Leaf { value: template.clone(), origin: Origin::Default };
        changed
    }

    /// Converts the settings to one table.
    pub(super) fn to_table(&self) -> Table {
        let mut root = Table::new();
        for (path, leaf) in &self.leaves {
            insert(&mut root, path, leaf.value.clone());
        }
        root
    }

    fn put(&mut self, path: Vec<String>, value: Value, origin: Origin) {
        self.leaves.insert(path, Leaf { value, origin });
    }

    /// Adds a new member of a family of tables, with the defaults.
    fn know_member(&mut self, path: &[String]) {
        let Some(table) = manual::member(path).map(|depth| &path[..depth]) else { return };
        let template = manual::template(&self.defaults, table).and_then(Value::as_table);
        for (key, value) in template.into_iter().flatten() {
            self.leaves
                .entry([table, std::slice::from_ref(key)].concat())
                .or_insert_with(|| Leaf { value: value.clone(), origin: Origin::Default });
        }
    }

    fn unknown(&self, path: &[String], origin: &Origin) -> Fault {
        let key = path.join(".");
        let mut known: Vec<String> = self.leaves.keys().map(|path| path.join(".")).collect();
        known.extend(self.defaults.keys().cloned());
        if let Some(table) = manual::member(path).map(|depth| &path[..depth]) {
            let keys = manual::template(&self.defaults, table).and_then(Value::as_table);
            let table = table.join(".");
            known.extend(keys.into_iter().flatten().map(|(key, _)| format!("{table}.{key}")));
        }
        let remedy = match nearest(&key, known.iter().map(String::as_str)) {
            Some(known) => format!("Did you mean {}?", as_written(known, origin)),
            None => "All settings are in config/default.toml.".into(),
        };
        let problem = "is no setting".into();
        Fault { key, value: None, origin: Some(origin.clone()), problem, remedy }
    }
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The name of a setting as it is written in its origin.
fn as_written(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::Variable(_) | Origin::VariableFile { .. } => {
            format!("QUITTANCE__{}", key.to_uppercase().replace('.', "__"))
        }
        Origin::Default | Origin::File(_) => key.to_owned(),
    }
}

/// A fault of the type, without the value, which may be a secret in the wrong place.
fn fault_at(path: &[String], origin: &Origin, problem: &'static str) -> Fault {
    let key = path.join(".");
    let remedy = remedy(&key);
    Fault { key, value: None, origin: Some(origin.clone()), problem: problem.into(), remedy }
}

/// The text of the manual about a setting, as a remedy.
pub(super) fn remedy(key: &str) -> String {
    match manual::entry(key) {
        Some(entry) => format!("The manual: {entry}"),
        None => "See config/default.toml.".into(),
    }
}

fn fit(template: &Value, value: Value) -> Result<Value, &'static str> {
    match (template, value) {
        (Value::String(_), value @ Value::String(_))
        | (Value::Integer(_), value @ Value::Integer(_))
        | (Value::Float(_), value @ Value::Float(_))
        | (Value::Boolean(_), value @ Value::Boolean(_)) => Ok(value),
        #[allow(clippy::cast_precision_loss, reason = "nobody sets a factor of 2^53")]
        (Value::Float(_), Value::Integer(whole)) => Ok(Value::Float(whole as f64)),
        (Value::Array(_), Value::Array(items)) if items.iter().all(Value::is_str) => {
            Ok(Value::Array(items))
        }
        (template, _) => Err(must_be(template)),
    }
}

fn read(template: &Value, text: &str) -> Result<Value, &'static str> {
    let bad = |_| must_be(template);
    match template {
        Value::String(_) => Ok(Value::String(text.into())),
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| must_be(template)),
        Value::Float(_) => text.trim().parse().map(Value::Float).map_err(|_| must_be(template)),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(bad),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.into())).collect()))
        }
        Value::Table(_) | Value::Datetime(_) => Err(must_be(template)),
    }
}

fn must_be(template: &Value) -> &'static str {
    match template {
        Value::String(_) => "must be a text in quotes",
        Value::Integer(_) => "must be a whole number",
        Value::Float(_) => "must be a number",
        Value::Boolean(_) => "must be true or false",
        Value::Array(_) => "must be a list of texts",
        Value::Table(_) => "is a section, and no setting by itself",
        Value::Datetime(_) => "must be a date",
    }
}
