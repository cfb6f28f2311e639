//! `zona.utility.v1.CodePolicyService`: reading and changing what code may use. Nothing is decided here.

use api_proto::zona::utility::v1 as pb;
use domain::access::{self, Policy};
use domain::code_policy::CodePolicies;
use domain::name::CodePolicyName;
use tonic::{Request, Response, Status};

use crate::call::split;
use crate::convert::policy;

/// Handles the methods of CodePolicyService.
#[derive(Clone)]
pub struct CodePolicyHandler {
    policy: Policy,
    policies: CodePolicies,
}

impl CodePolicyHandler {
    /// A handler that asks `policy` and calls `policies`.
    pub fn new(policy: Policy, policies: CodePolicies) -> Self {
        CodePolicyHandler { policy, policies }
    }
}

#[tonic::async_trait]
impl pb::code_policy_service_server::CodePolicyService for CodePolicyHandler {
    async fn get_code_policy(&self, request: Request<pb::GetCodePolicyRequest>) -> Result<Response<pb::CodePolicy>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = CodePolicyName::parse("name", &body.name)?;
            let permit = call.require::<access::GetCodePolicy>(&self.policy, &name.tenant, &name).await?;
            let found = self.policies.get(&permit).await?;
            Ok(policy::to_wire(&found))
        })
        .await
    }

    async fn update_code_policy(&self, request: Request<pb::UpdateCodePolicyRequest>) -> Result<Response<pb::CodePolicy>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = body.policy.as_ref().map_or("", |policy| &policy.name);
            let name = CodePolicyName::parse("policy.name", name)?;
            let permit = call.require::<access::UpdateCodePolicy>(&self.policy, &name.tenant, &name).await?;
            let (patch, etag) = policy::read_update(body)?;
            let updated = self.policies.update(&permit, patch, &etag).await?;
            Ok(policy::to_wire(&updated))
        })
        .await
    }
}
