//! Arguments of tools, checked one by one.

use crate::tools::ToolError;
use operator_model::Timestamp;
use serde_json::{Map, Value};

/// The arguments of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a> {
    given: &'a Map<String, Value>,
}

/// Rows are limited to this many tokens unless the caller says otherwise …
const TOKENS_DEFAULT: usize = 2_000;

/// … between these.
const TOKENS: std::ops::RangeInclusive<usize> = 100..=20_000;

/// Longest text argument, in characters.
const TEXT_CHARS_MAX: usize = 200;

impl<'a> Arguments<'a> {
    /// Refuses names that the tool does not have.
    pub(crate) fn new(given: &'a Map<String, Value>, known: &[&str]) -> Result<Self, ToolError> {
        let paging = ["cursor", "max_tokens"];
        let unknown = given
            .keys()
            .find(|name| !known.contains(&name.as_str()) && !paging.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(ToolError::Argument {
                name: name.chars().take(TEXT_CHARS_MAX).collect(),
                why: format!(
                    "there is no such argument; there are {}, cursor, max_tokens",
                    known.join(", ")
                ),
            }),
            None => Ok(Self { given }),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ToolError> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= TEXT_CHARS_MAX => Ok(Some(text)),
            Some(Value::String(_)) => Err(refuse(
                name,
                format!("it has more than {TEXT_CHARS_MAX} characters"),
            )),
            Some(_) => Err(refuse(name, "it is not a string".to_owned())),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a str, ToolError> {
        self.text(name)?
            .ok_or_else(|| refuse(name, "it is required".to_owned()))
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, ToolError> {
        let text = self.text(name)?;
        text.map(|text| {
            text.parse()
                .map_err(|error| refuse(name, format!("{error}")))
        })
        .transpose()
    }

    pub(crate) fn cursor(&self) -> Result<usize, ToolError> {
        let text = self.text("cursor")?;
        let parsed = text.map(|text| {
            text.parse()
                .map_err(|_| refuse("cursor", "it is not one of ours".to_owned()))
        });
        Ok(parsed.transpose()?.unwrap_or(0))
    }

    pub(crate) fn tokens_max(&self) -> Result<usize, ToolError> {
        let Some(value) = self
            .given
            .get("max_tokens")
            .filter(|value| !value.is_null())
        else {
            return Ok(TOKENS_DEFAULT);
        };
        let number = value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| TOKENS.contains(number))
            .ok_or_else(|| {
                refuse(
                    "max_tokens",
                    format!(
                        "it is not a number from {} to {}",
                        TOKENS.start(),
                        TOKENS.end()
                    ),
                )
            })
    }
}

fn refuse(name: &str, why: String) -> ToolError {
    ToolError::Argument {
        name: name.to_owned(),
        why,
    }
}
