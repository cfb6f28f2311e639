//! What would be done, in words: waves of actions, each with its reasons and steps. Made by whoever knows the engine.

/// What must be done, wave after wave; empty where nothing must be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The waves.
    pub waves: Vec<Wave>,
}

/// Actions that may happen at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wave {
    /// The actions, by the names of their services.
    pub actions: Vec<PlannedAction>,
}

/// What is done with one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAction {
    /// The service.
    pub service: String,
    /// `create`, `replace`, `repair`, `scale`, `stop` or `remove`.
    pub kind: &'static str,
    /// Why.
    pub reasons: Vec<String>,
    /// How.
    pub steps: Vec<String>,
}
