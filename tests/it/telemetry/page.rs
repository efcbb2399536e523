//! A page of metrics, read back.

use std::collections::{BTreeMap, BTreeSet};

/// One line of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// With its suffix: `..._total`, `..._bucket`.
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// All samples of one name, and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) samples: Vec<Sample>,
}

impl Family {
    /// The names of its labels, without those that its type brings.
    pub(super) fn labels(&self) -> BTreeSet<&str> {
        let names = self.samples.iter().flat_map(|sample| sample.labels.keys());
        names.map(String::as_str).filter(|name| *name != "le").collect()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Page {
    pub(super) families: BTreeMap<String, Family>,
    text: String,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        assert!(text.ends_with("# EOF\n"), "{text}");
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                current = name.to_owned();
                let help = help.to_owned();
                let family = Family { kind: String::new(), help, samples: Vec::new() };
                assert!(
                    families.insert(current.clone(), family).is_none(),
                    "{name} is there twice"
                );
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                families.get_mut(name).unwrap().kind = kind.to_owned();
            } else {
                let sample = sample(line);
                assert!(sample.name.starts_with(&current), "{line} after {current}");
                families.get_mut(&current).unwrap().samples.push(sample);
            }
        }
        Self { families, text: text.to_owned() }
    }

    /// The sum of the samples of this name that have these labels.
    #[track_caller]
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let all = self.families.values().flat_map(|family| &family.samples);
        let mut found = all
            .filter(|sample| sample.name == name)
            .filter(|sample| labels.iter().all(|(key, value)| sample.labels[*key] == *value))
            .peekable();
        assert!(found.peek().is_some(), "no {name} with {labels:?} in\n{}", self.text);
        found.map(|sample| sample.value).sum()
    }
}

/// `name{key="value",...} 1.5`
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    // No value of ours has a comma or a quote in it: they are words.
    let labels = labels.split(',').filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (key, value) = label.split_once('=').unwrap();
        (key.to_owned(), value.trim_matches('"').to_owned())
    });
    Sample { name: name.to_owned(), labels: labels.collect(), value: value.parse().unwrap() }
}
