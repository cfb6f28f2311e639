//! Runtimes, as they are answered.

use api_proto::zona::runtime::v1 as pb;
use domain::name::{RuntimeName, TenantId};
use domain::runtime::{Advisory, Package, Runtime};

/// A runtime, complete.
pub(crate) fn to_wire(tenant: &TenantId, runtime: &Runtime) -> pb::Runtime {
    pb::Runtime {
        packages: runtime.packages.iter().map(package).collect(),
        allowed_modules: runtime.allowed_modules.clone(),
        ..listed(tenant, runtime)
    }
}

/// A runtime in a list: without packages and modules.
pub(crate) fn listed(tenant: &TenantId, runtime: &Runtime) -> pb::Runtime {
    pb::Runtime {
        name: RuntimeName { tenant: tenant.clone(), runtime: runtime.name.clone() }.to_string(),
        python_version: runtime.python_version.clone(),
        digest: runtime.digest.clone(),
        backend: runtime.backend.clone(),
        version: runtime.version.clone(),
        lock_digest: runtime.lock.clone(),
        problem: runtime.problem.clone().unwrap_or_default(),
        packages: Vec::new(),
        allowed_modules: Vec::new(),
    }
}

fn package(package: &Package) -> pb::Package {
    pb::Package {
        name: package.name.clone(),
        version: package.version.clone(),
        modules: package.modules.clone(),
        hashes: package.hashes.clone(),
        advisories: package.advisories.iter().map(advisory).collect(),
    }
}

fn advisory(advisory: &Advisory) -> pb::Advisory {
    pb::Advisory { id: advisory.id.clone(), summary: advisory.summary.clone() }
}
