//! What is known of a call beside its body: which method it is of, and under which request id. The layer puts both into the
//! request; [`perform`] is the one way in which a call is answered.

use std::sync::Arc;

use domain::{Error, Result};
use tonic::{Extensions, Status};

use crate::layer::RequestId;
use crate::method::Method;
use crate::status;

mod perform;
mod settle;

pub(crate) use perform::{Performer, Permitted};
pub(crate) use settle::{MAX_CHANGES, Settling};

/// One call.
#[derive(Clone)]
pub(crate) struct Call {
    request_id: RequestId,
    method: Arc<Method>,
}

impl Call {
    pub(crate) fn new(request_id: RequestId, method: Arc<Method>) -> Self {
        Call { request_id, method }
    }

    /// The call that the layer has put into a request.
    fn of(extensions: &Extensions) -> Result<Self> {
        let past_the_layer = Error::Internal { context: "a request came past the layer", source: None };
        extensions.get::<Call>().cloned().ok_or(past_the_layer)
    }

    /// The status of an error, which is logged here and nowhere else.
    pub(crate) fn refuse(&self, error: &Error) -> Status {
        status::log(error, &self.request_id.0);
        status::from_error(error, &self.request_id.0)
    }
}
