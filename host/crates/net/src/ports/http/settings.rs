//! What only the port may know about a target: credentials and trust.

use crate::ports::secret::{Scrubber, Secret, base64};

/// Credentials and trust of one target. No plugin sees any of it.
#[derive(Debug, Clone, Default)]
pub struct OriginSettings {
    /// Headers that are sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// Parts of the headers that are secret on their own: a token without its scheme, a password.
    pub parts: Vec<Secret>,
    /// PEM certificates that replace the system's trust for https.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM certificate and private key that this operator shows to the server.
    pub identity_pem: Option<Secret>,
}

impl OriginSettings {
    /// Sends `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn with_bearer(mut self, token: &str) -> Self {
        self.headers.push((
            "authorization".to_owned(),
            Secret::new(format!("Bearer {token}")),
        ));
        self.parts.push(Secret::new(token.to_owned()));
        self
    }

    /// Sends `authorization: Basic`; the text is `USER:PASSWORD`.
    #[must_use]
    pub fn with_basic(mut self, user_and_password: &str) -> Self {
        let encoded = base64(user_and_password.as_bytes());
        self.headers.push((
            "authorization".to_owned(),
            Secret::new(format!("Basic {encoded}")),
        ));
        self.parts.push(Secret::new(user_and_password.to_owned()));
        let password = user_and_password
            .split_once(':')
            .map(|(_, password)| password.to_owned());
        self.parts.extend(password.map(Secret::new));
        self
    }

    /// Sends a header whose value is secret.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_owned(), Secret::new(value.to_owned())));
        self
    }

    /// Finds all of it in answers.
    pub(super) fn scrubber(&self) -> Scrubber {
        Scrubber::new(
            self.headers
                .iter()
                .map(|(_, value)| value)
                .chain(&self.parts),
        )
    }
}
