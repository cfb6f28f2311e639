//! What is known of a call beside its body: which method it is of, under which request id, and in which trace. The layer puts both into the
//! request.

use std::sync::Arc;

use domain::{Error, Result};
use tonic::{Extensions, Status};

use crate::layer::RequestId;
use crate::method::Method;
use crate::status;

/// One call.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) request_id: RequestId,
    pub(crate) trace_id: Arc<str>,
    pub(crate) method: Arc<Method>,
}

/// Stands with calls that came by a port to which pages in browsers can speak: to come over the loopback interface proves nothing there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfWeb;

impl Call {
    pub(crate) fn new(request_id: RequestId, trace_id: String, method: Arc<Method>) -> Self {
        Call { request_id, trace_id: trace_id.into(), method }
    }

    /// The call that the layer has put into a request.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self> {
        let past_the_layer = Error::Internal { context: "a request came past the layer", source: None };
        extensions.get::<Call>().cloned().ok_or(past_the_layer)
    }

    /// The status of an error, which is logged here and nowhere else.
    pub(crate) fn refuse(&self, error: &Error) -> Status {
        status::log(error, &self.request_id.0);
        status::from_error(error, &self.request_id.0)
    }
}
