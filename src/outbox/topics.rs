//! Check of the topics in the settings of a destination.

use crate::domain::notification::Topic;

/// A destination names a topic that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a topic nor a group like payment.*; docs/notifications.md lists them")]
pub struct UnknownTopic(String);

/// Checks that all of these are topics (`payment.succeeded`) or groups of topics (`payment.*`).
///
/// # Errors
/// The first that is neither.
pub fn check_topics(topics: &[String]) -> Result<(), UnknownTopic> {
    let known = |wanted: &str| {
        Topic::ALL.iter().any(|topic| {
            let topic = topic.as_str();
            let group = wanted.strip_suffix(".*");
            topic == wanted || group.is_some_and(|g| topic.split('.').next() == Some(g))
        })
    };
    match topics.iter().find(|topic| !known(topic)) {
        Some(topic) => Err(UnknownTopic(topic.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_does_not_exist_is_refused() {
        let check = |topic: &str| check_topics(&[topic.to_owned()]);
        assert_eq!(check("payment.succeeded"), Ok(()));
        assert_eq!(check("refund.*"), Ok(()));
        for topic in ["payment.succeded", "pay.*", "*", "payment", "", ".*"] {
            assert!(check(topic).is_err(), "{topic}");
        }
    }
}
