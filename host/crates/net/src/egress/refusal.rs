//! Why a request was refused, in one word.

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// No such target.
    UnknownTarget,
    /// The method is not granted.
    Method,
    /// The path is not in origin form, ambiguous, or outside of what is granted.
    Path,
    /// A header is not allowed.
    Header,
    /// The body of a POST request is missing, too large or out of place.
    Body,
    /// The budget of the tick is spent.
    Budget,
    /// The target was asked too often in too short a time.
    Rate,
    /// The discovered target lies outside what is granted.
    Discovery,
    /// The port refused the address.
    Address,
    /// The server wanted to redirect.
    Redirect,
}

impl RefusalReason {
    /// One word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTarget => "unknown-target",
            Self::Method => "method",
            Self::Path => "path",
            Self::Header => "header",
            Self::Body => "body",
            Self::Budget => "budget",
            Self::Rate => "rate",
            Self::Discovery => "discovery",
            Self::Address => "address",
            Self::Redirect => "redirect",
        }
    }
}
