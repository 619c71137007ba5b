//! The errors of a configuration.

use operator_engine::settings::CredentialError;
use std::fmt;

/// Where a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, or the flag.
    pub source: String,
    /// Line of the file, from 1.
    pub line: Option<usize>,
}

impl Location {
    /// A line of a file.
    #[must_use]
    pub fn line(file: &str, line: usize) -> Self {
        Self {
            source: file.to_owned(),
            line: Some(line),
        }
    }
}

impl From<&str> for Location {
    /// A whole file or a flag.
    fn from(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            line: None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// One error of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the value is written.
    pub location: Location,
    /// What is wrong, and what was probably meant.
    pub message: String,
}

/// All errors of a configuration, in the order of the file; flags come last. Printed one per line.
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
    pub fn one(location: impl Into<Location>, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(location, message);
        errors
    }

    /// Adds an error.
    pub fn add(&mut self, location: impl Into<Location>, message: impl Into<String>) {
        self.0.push(ConfigError {
            location: location.into(),
            message: message.into(),
        });
    }

    /// `value`, if there are no errors.
    ///
    /// # Errors
    /// All of them.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        self.0
            .sort_by_key(|error| error.location.line.unwrap_or(usize::MAX));
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
            write!(f, "{line_feed}{}: {}", error.location, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
