//! How strongly executions are isolated.

use api_proto::zona::utility::v1 as pb;
use domain::sandbox::Isolation;

use crate::convert::{Violations, WireViolations as _};

/// Reads an isolation; unspecified is the default.
pub(crate) fn read(field: &str, number: i32, violations: &mut Violations) -> Isolation {
    match violations.known::<pb::Isolation>(field, number) {
        pb::Isolation::Unspecified => Isolation::default(),
        pb::Isolation::TenantWarm => Isolation::TenantWarm,
        pb::Isolation::SingleUse => Isolation::SingleUse,
        pb::Isolation::OneShot => Isolation::OneShot,
    }
}

/// An isolation.
pub(crate) fn to_wire(isolation: Isolation) -> pb::Isolation {
    match isolation {
        Isolation::TenantWarm => pb::Isolation::TenantWarm,
        Isolation::SingleUse => pb::Isolation::SingleUse,
        Isolation::OneShot => pb::Isolation::OneShot,
    }
}
