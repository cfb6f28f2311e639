//! The reasons that this crate gives to errors, and the names under which details travel.

/// `domain` of the ErrorInfo of every error.
pub const ERROR_DOMAIN: &str = "zona.dev";

/// Header that carries the id of a request, both ways.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// Reasons that this crate gives to errors, beside those of the domain.
pub const REASONS: [&str; 9] = [
    DEADLINE_EXCEEDED,
    UNFINISHED_REQUESTS,
    PANIC,
    UNKNOWN_METHOD,
    UNSUPPORTED_ENCODING,
    MALFORMED_MESSAGE,
    MESSAGE_TOO_LARGE,
    ANSWER_TOO_LARGE,
    REFUSED,
];

pub(crate) const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
pub(crate) const UNFINISHED_REQUESTS: &str = "UNFINISHED_REQUESTS";
pub(crate) const PANIC: &str = "INTERNAL";
pub(crate) const UNKNOWN_METHOD: &str = "UNKNOWN_METHOD";
pub(crate) const UNSUPPORTED_ENCODING: &str = "UNSUPPORTED_ENCODING";
pub(crate) const MALFORMED_MESSAGE: &str = "MALFORMED_MESSAGE";
pub(crate) const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
pub(crate) const ANSWER_TOO_LARGE: &str = "ANSWER_TOO_LARGE";
pub(crate) const REFUSED: &str = "REFUSED";
