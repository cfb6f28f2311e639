//! Marks on the way of a call, for whoever asks where its time goes: lines of the log under a target of their own, which nobody writes
//! unless they are asked for. What the marks mean stands in docs/operations.md.

/// What filters call them.
const TARGET: &str = "timeline";

/// The call of the present span has come so far.
pub(crate) fn mark(stage: &'static str) {
    tracing::trace!(target: TARGET, stage);
}
