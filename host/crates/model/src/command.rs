//! Commands for a person to run, as argument lists with typed placeholders. Operator runs none.

use serde::{Deserialize, Serialize};

/// What a placeholder's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceholderKind {
    /// `host:port`.
    Address,
    /// A host name or IP address.
    Host,
    /// 1 to 65535.
    Port,
    /// With a scheme, for example `http://`.
    Url,
    /// Letters, digits and `._-`.
    Name,
    /// Any text without control characters.
    Id,
    /// A decimal number.
    Number,
}

/// A part of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// This text.
    Literal(String),
    /// The value of this name for the suspect.
    Placeholder {
        /// `entity`, `kind`, `key`, `name`, or an attribute.
        name: String,
        /// What the value must look like.
        kind: PlaceholderKind,
    },
    /// A word that the reader replaces, shown in capitals.
    Blank(String),
}

/// One argument: its parts without anything between them.
pub type Argument = Vec<Part>;

/// One program, or several whose output is piped into the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The arguments of each program, its name first.
    pub pipeline: Vec<Vec<Argument>>,
    /// Where to run it or what to look for.
    pub note: Option<String>,
}

/// One step of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// To run.
    Run(Command),
    /// What no command does, in one sentence.
    Instruction(String),
}

impl Step {
    /// Whether it depends on the suspect.
    #[must_use]
    pub fn names_the_suspect(&self) -> bool {
        match self {
            Self::Instruction(text) => text.contains('{'),
            Self::Run(command) => {
                let mut parts = command.pipeline.iter().flatten().flatten();
                parts.any(|part| matches!(part, Part::Placeholder { .. }))
                    || command.note.as_ref().is_some_and(|note| note.contains('{'))
            }
        }
    }
}
