//! All that is wrong with a configuration.

use operator_engine::settings::CredentialError;
use std::fmt;

/// Where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, or the flag.
    pub source: String,
    /// Line of the file, from 1.
    pub line: Option<usize>,
}

impl Place {
    /// A line of a file.
    #[must_use]
    pub fn line(file: &str, line: usize) -> Self {
        Self {
            source: file.to_owned(),
            line: Some(line),
        }
    }
}

impl From<&str> for Place {
    /// A whole file or a flag.
    fn from(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            line: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What is wrong, and what was probably meant.
    pub message: String,
}

/// Everything that is wrong, in the order of the file; flags come last. Printed one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl From<Vec<CredentialError>> for ConfigErrors {
    fn from(errors: Vec<CredentialError>) -> Self {
        let mut all = Self::default();
        for CredentialError { section, reason } in errors {
            all.add(format!("[{section}]").as_str(), reason);
        }
        all
    }
}

impl ConfigErrors {
    /// A single error.
    #[must_use]
    pub fn one(place: impl Into<Place>, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(place, message);
        errors
    }

    /// Takes note of an error.
    pub fn add(&mut self, place: impl Into<Place>, message: impl Into<String>) {
        self.0.push(ConfigError {
            place: place.into(),
            message: message.into(),
        });
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        self.0
            .sort_by_key(|error| error.place.line.unwrap_or(usize::MAX));
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            let line_feed = if position == 0 { "" } else { "\n" };
            write!(f, "{line_feed}{}: {}", error.place, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
