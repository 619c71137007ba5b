//! Where a target is: scheme, host and port, and nothing else.

use reqwest::Url;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A checked `http://host:port` or `https://host:port`. Parsed by the same parser that the client
/// uses, so that both see the same host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Host name or literal address; IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The address, where the host is one.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }
}

/// As it is configured.
impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("{text:?} is not an origin such as http://host:port: {why}");
        if !text.contains("://") {
            return Err(wrong("it has no scheme"));
        }
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the scheme is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("credentials belong in a file"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("a path or query is not allowed"));
        }
        let host = url
            .host_str()
            .ok_or_else(|| wrong("it has no host"))?
            .to_owned();
        let port = url
            .port_or_known_default()
            .filter(|port| *port != 0)
            .ok_or_else(|| wrong("it has no port"))?;
        Ok(Self {
            https: url.scheme() == "https",
            host,
            port,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}:{}",
            if self.https { "https" } else { "http" },
            self.host,
            self.port
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_in_one_way() {
        for (text, written) in [
            ("http://127.0.0.1:2379", "http://127.0.0.1:2379"),
            ("HTTP://Host.Example:80/", "http://host.example:80"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]:443"),
            ("http://0x7f.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn a_disguised_address_is_still_an_address() {
        let literal = |text: &str| text.parse::<Origin>().unwrap().literal();
        assert_eq!(
            literal("http://2852039166:80"),
            Some("169.254.169.254".parse().unwrap())
        );
        assert_eq!(literal("http://[::1]:80"), Some("::1".parse().unwrap()));
        assert_eq!(literal("http://localhost:80"), None);
    }

    #[test]
    fn everything_that_is_more_or_less_than_an_origin_is_refused() {
        for wrong in [
            "127.0.0.1:2379",
            "host:80",
            "ftp://host",
            "http://user@host",
            "http://u:p@host",
            "http://host/path",
            "http://host?x=1",
            "http://host#x",
            "file:///etc/passwd",
            "http://",
            "http://host:0",
            "http://host:99999",
            "",
        ] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }
}
