//! Metadata: the team's own keys and values on an object.

use std::collections::BTreeMap;

/// The team's own keys and values on an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Adds keys and values; an empty value takes its key away.
pub(crate) fn merge_metadata(metadata: &mut Metadata, change: Metadata) {
    metadata.extend(change);
    metadata.retain(|_, value| !value.is_empty());
}
