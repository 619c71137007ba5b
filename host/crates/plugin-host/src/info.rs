//! What a plugin says about itself.

use crate::bindings::types::types;
use crate::load::LoadError;
use crate::text;
use serde::{Deserialize, Serialize};

/// Longest name and version.
const NAME_BYTES_MAX: usize = 64;

/// Longest summary.
const SUMMARY_BYTES_MAX: usize = 400;

/// Name, version and purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Lower-case words joined by hyphens.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One sentence.
    pub summary: String,
}

impl PluginInfo {
    pub(crate) fn checked(plugin: &str, info: types::PluginInfo) -> Result<Self, LoadError> {
        if !is_identifier(&info.name) {
            let what = format!(
                "the name {:?}, names are lower-case words joined by hyphens",
                info.name
            );
            return Err(LoadError::Declaration {
                name: plugin.to_owned(),
                what: text::clean(&what, SUMMARY_BYTES_MAX),
            });
        }
        Ok(Self {
            name: info.name,
            version: text::clean(&info.version, NAME_BYTES_MAX),
            summary: text::clean(&info.summary, SUMMARY_BYTES_MAX),
        })
    }
}

/// Lower-case letters, digits and hyphens, at most 64 of them: ids are parts of keys, file names and
/// commands.
pub fn is_identifier(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}
