//! Entities: the parts of the observed system, by kind and key.

use std::fmt;

use crate::bindings::shared::types::EntityId;

/// The entity of this kind with a key of one part: `entity("store", "4")`.
pub fn entity(kind: impl Into<String>, key: impl Into<String>) -> EntityId {
    EntityId {
        kind: kind.into(),
        key: vec![key.into()],
    }
}

impl EntityId {
    /// An entity whose key has several parts: `EntityId::of_parts("link", ["4", "2"])`.
    pub fn of_parts<P: Into<String>>(
        kind: impl Into<String>,
        key: impl IntoIterator<Item = P>,
    ) -> Self {
        Self {
            kind: kind.into(),
            key: key.into_iter().map(Into::into).collect(),
        }
    }
}

impl fmt::Display for EntityId {
    /// As Operator shows it: `store/4`, `link/4/2`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)?;
        if let [only] = self.key.as_slice() {
            return write!(formatter, "/{only}");
        }
        self.key.iter().try_for_each(|part| {
            write!(
                formatter,
                "/{}",
                part.replace('%', "%25").replace('/', "%2F")
            )
        })
    }
}

impl Eq for EntityId {}

impl Ord for EntityId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.kind, &self.key).cmp(&(&other.kind, &other.key))
    }
}

impl PartialOrd for EntityId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<str> for EntityId {
    /// Whether Operator shows the entity so; for tests.
    fn eq(&self, shown: &str) -> bool {
        let own = self.to_string();
        own == shown
    }
}

impl PartialEq<&str> for EntityId {
    fn eq(&self, shown: &&str) -> bool {
        self == *shown
    }
}

impl PartialEq<String> for EntityId {
    fn eq(&self, shown: &String) -> bool {
        self == shown.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_shown_with_every_part_of_its_key() {
        assert_eq!(entity("store", "4"), "store/4");
        assert_eq!(entity("disk", "/data"), "disk//data");
        assert_eq!(EntityId::of_parts("link", ["4", "a/b"]), "link/4/a%2Fb");
    }
}
