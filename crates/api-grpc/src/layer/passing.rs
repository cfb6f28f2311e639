//! One call on its way through the layer: what is known of it before and after its handler.

use crate::layer::RequestId;
use crate::layer::deadline::Deadline;
use crate::layer::metrics::Record;

/// One call on its way through the layer.
pub(crate) struct Passing {
    pub(crate) request_id: RequestId,
    pub(crate) span: tracing::Span,
    pub(crate) deadline: Deadline,
    pub(crate) record: Record,
}
