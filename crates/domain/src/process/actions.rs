//! What can be done to the platform and its services, which is the installation's, as a service serves every tenant; and to integrations, which
//! are a tenant's.

use crate::access::{Installation, actions};
use crate::name::TenantName;

actions! {
    /// List services and how they are.
    ListServices(Installation) = "service.list", Administer, "service", All;
    /// Read a service and how it is.
    GetService(Installation) = "service.get", Administer, "service", All;
    /// Start a service.
    StartService(Installation) = "service.start", Administer, "service", All;
    /// Stop a service.
    StopService(Installation) = "service.stop", Administer, "service", All;
    /// Replace the replicas of a service.
    RestartService(Installation) = "service.restart", Administer, "service", All;
    /// Change how many replicas a service has.
    ScaleService(Installation) = "service.scale", Administer, "service", All;
    /// Read how everything is.
    GetStatus(Installation) = "service.status", Administer, "service", All;
    /// Follow how services are.
    WatchStatus(Installation) = "service.watch", Administer, "service", All;
    /// Read what services have put out.
    ReadLogs(Installation) = "service.logs", Administer, "service", All;
    /// Read what the platform shall be.
    GetPlatform(Installation) = "platform.get", Administer, "platform", All;
    /// Ask what a manifest would change.
    PlanManifest(Installation) = "platform.plan", Administer, "platform", All;
    /// Make the platform what a manifest says.
    ApplyManifest(Installation) = "platform.apply", Administer, "platform", All;
    /// List the integrations of a tenant and how they are.
    ListIntegrations(TenantName) = "integration.list", Read, "integration", Limited;
    /// Read an integration and how it is.
    GetIntegration(TenantName) = "integration.get", Read, "integration", Limited;
    /// Read why the parameters and ports of an integration are what they are.
    ExplainIntegration(TenantName) = "integration.explain", Read, "integration", Limited;
    /// Start an integration.
    StartIntegration(TenantName) = "integration.start", Administer, "integration";
    /// Stop an integration.
    StopIntegration(TenantName) = "integration.stop", Administer, "integration";
}
