//! Requests with a deadline.

use std::time::Duration;

use tonic::Request;

/// How long an answer may take that does not wait for user code.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that must be answered soon.
pub fn soon<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_TIMEOUT);
    request
}
