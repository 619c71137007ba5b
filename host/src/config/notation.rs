//! Texts with a grammar of their own: how each is parsed, and the `format` that names it in the JSON
//! Schema.

use super::document::nearest;
use operator_net::egress::{Network, Origin, PathRule, can_be_allowed};
use operator_net::ports::Method;
use operator_plugin_host::Requirement;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// A text that a value is parsed from.
pub(super) trait Notation: Sized {
    /// `format` in the JSON Schema.
    const FORMAT: &'static str;

    /// The value.
    ///
    /// # Errors
    /// What is wrong with the text, and what was probably meant.
    fn parse(text: &str) -> Result<Self, String>;
}

/// A text and the value it stands for.
#[derive(Debug, Clone)]
pub(super) struct Parsed<T> {
    text: String,
    /// The value.
    pub(super) value: T,
}

impl<T: Notation> Parsed<T> {
    /// Parses a text.
    ///
    /// # Errors
    /// As [`Notation::parse`].
    pub(super) fn new(text: String) -> Result<Self, String> {
        T::parse(&text).map(|value| Self { text, value })
    }
}

impl<'de, T: Notation> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<T> Serialize for Parsed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<T: Notation> JsonSchema for Parsed<T> {
    fn schema_name() -> Cow<'static, str> {
        T::FORMAT.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": T::FORMAT })
    }
}

/// Checks a text against the grammar that its `format` names.
///
/// # Errors
/// As [`Notation::parse`].
pub(super) fn check_format(format: &str, text: &str) -> Result<(), String> {
    fn check<T: Notation>(text: &str) -> Result<(), String> {
        T::parse(text).map(drop)
    }
    match format {
        Origin::FORMAT => check::<Origin>(text),
        Network::FORMAT => check::<Network>(text),
        PathRule::FORMAT => check::<PathRule>(text),
        Method::FORMAT => check::<Method>(text),
        Ports::FORMAT => check::<Ports>(text),
        SocketAddr::FORMAT => check::<SocketAddr>(text),
        Requirement::FORMAT => check::<Requirement>(text),
        HeaderName::FORMAT => check::<HeaderName>(text),
        PlainName::FORMAT => check::<PlainName>(text),
        _ => Ok(()),
    }
}

/// A range of ports.
pub(super) type Ports = RangeInclusive<u16>;

impl Notation for Ports {
    const FORMAT: &'static str = "port-range";

    /// `FIRST-LAST`, or one port.
    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        port(first)
            .zip(port(last))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| first..=last)
            .ok_or_else(|| format!("{text:?} is not a range of ports such as \"1024-65535\""))
    }
}

/// A name that the user chooses.
pub(super) struct PlainName;

impl Notation for PlainName {
    const FORMAT: &'static str = "plain-name";

    /// Names become part of logs, tickets and metric labels.
    fn parse(name: &str) -> Result<Self, String> {
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_plain && (1..=63).contains(&name.len()) {
            return Ok(Self);
        }
        Err(format!(
            "the name {name:?} must be 1 to 63 letters, digits, hyphens, underscores or dots"
        ))
    }
}

/// The name of a header that can be granted.
#[derive(Debug, Clone)]
pub(super) struct HeaderName(pub(super) String);

impl Notation for HeaderName {
    const FORMAT: &'static str = "header-name";

    fn parse(name: &str) -> Result<Self, String> {
        can_be_allowed(name)
            .then(|| Self(name.to_owned()))
            .ok_or_else(|| format!("the header {name:?} cannot be granted"))
    }
}

impl Notation for Method {
    const FORMAT: &'static str = "http-method";

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "GET" => Ok(Self::Get),
            "HEAD" => Ok(Self::Head),
            _ => Err(format!(
                "the method {text:?} cannot be granted; GET and HEAD, which change nothing, can (paths that only read although they are asked by POST belong under `read_only_posts`)"
            )),
        }
    }
}

impl Notation for Requirement {
    const FORMAT: &'static str = "trust-requirement";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            let hint = nearest(text, Self::NAMES.into_iter());
            format!("unknown requirement {text:?}; {hint}")
        })
    }
}

impl Notation for SocketAddr {
    const FORMAT: &'static str = "address-port";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("{text:?} is not ADDRESS:PORT, for example 127.0.0.1:9464"))
    }
}

impl Notation for Origin {
    const FORMAT: &'static str = "origin";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl Notation for Network {
    const FORMAT: &'static str = "cidr";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl Notation for PathRule {
    const FORMAT: &'static str = "path-rule";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}
