//! Marks on the way of an execution, as `api-grpc` makes them on the way of a call: lines of the log under the target `timeline`, which
//! nobody writes unless they are asked for.

/// What filters call them.
const TARGET: &str = "timeline";

/// The execution of the present span has come so far.
pub(super) fn mark(stage: &'static str) {
    tracing::trace!(target: TARGET, stage);
}
