//! Choices on the command line that the contract has names for.

use api_proto::zona::utility::v1 as pb;
use clap::ValueEnum;

/// Kinds, as the contract names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    Transformer,
    Script,
}

/// Presets of code policies, as the contract names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// What is refused is refused whole
    Strict,
    /// Members of sys, os, os.path, socket and tempfile that lead nowhere, and files below /tmp
    Compatible,
}

impl Preset {
    /// The value of the contract.
    pub fn proto(self) -> pb::PolicyPreset {
        match self {
            Preset::Strict => pb::PolicyPreset::Strict,
            Preset::Compatible => pb::PolicyPreset::Compatible,
        }
    }
}

/// How strongly executions are isolated, as the contract names it; documents show it with underscores.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Isolation {
    /// T1: a sealed process, put back to its beginning or used once, in a sandbox of the tenant
    #[value(aliases = ["t1", "tenant_warm"])]
    TenantWarm,
    /// T2: a started sandbox of its own
    #[value(aliases = ["t2", "single_use"])]
    SingleUse,
    /// T3: a sandbox of its own, made on demand
    #[value(aliases = ["t3", "one_shot"])]
    OneShot,
}

impl Isolation {
    /// The value of the contract.
    pub fn proto(self) -> pb::Isolation {
        match self {
            Isolation::TenantWarm => pb::Isolation::TenantWarm,
            Isolation::SingleUse => pb::Isolation::SingleUse,
            Isolation::OneShot => pb::Isolation::OneShot,
        }
    }
}

impl Kind {
    /// The value of the contract.
    pub fn proto(self) -> pb::UtilityKind {
        match self {
            Kind::Transformer => pb::UtilityKind::Transformer,
            Kind::Script => pb::UtilityKind::Script,
        }
    }
}
