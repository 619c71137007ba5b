//! The hostile suite: components that are made to hurt the host, each with a label. What each of them
//! may come to is the business of `suite`.

mod behaviour;
mod bytes;
mod forged;
mod imports;

/// One hostile component.
pub struct Case {
    pub label: String,
    pub bytes: Vec<u8>,
    pub kind: Kind,
}

/// As what it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Check,
    Subject,
}

impl Case {
    fn check(label: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            label: label.into(),
            bytes,
            kind: Kind::Check,
        }
    }

    fn subject(label: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            label: label.into(),
            bytes,
            kind: Kind::Subject,
        }
    }
}

/// All of them.
pub fn all() -> Vec<Case> {
    [
        behaviour::cases(),
        forged::cases(),
        imports::cases(),
        bytes::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
