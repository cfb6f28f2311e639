//! `zona.utility.v1.CodePolicyService`: reading and changing what code may use. Nothing is decided here.

use api_proto::zona::utility::v1 as pb;
use domain::code_policy::{CodePolicies, actions};
use domain::name::CodePolicyName;
use tonic::{Request, Response, Status};

use crate::convert::policy;
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of CodePolicyService.
pub(crate) type CodePolicyHandler = Handler<CodePolicies>;

#[tonic::async_trait]
impl pb::code_policy_service_server::CodePolicyService for CodePolicyHandler {
    async fn get_code_policy(&self, request: Request<pb::GetCodePolicyRequest>) -> Result<Response<pb::CodePolicy>, Status> {
        let name = |body: &pb::GetCodePolicyRequest| CodePolicyName::parse("name", &body.name);
        self.perform(request, name, |policies, Permitted { permit, .. }: Permitted<actions::GetCodePolicy, _>| async move {
            let found = policies.get(&permit).await?;
            Ok(policy::to_wire(&found))
        })
        .await
    }

    async fn update_code_policy(&self, request: Request<pb::UpdateCodePolicyRequest>) -> Result<Response<pb::CodePolicy>, Status> {
        let name = |body: &pb::UpdateCodePolicyRequest| {
            let name = body.policy.as_ref().map_or("", |policy| &policy.name);
            CodePolicyName::parse("policy.name", name)
        };
        self.perform(request, name, |policies, Permitted { permit, body, .. }: Permitted<actions::UpdateCodePolicy, _>| async move {
            let (patch, etag) = policy::read_update(body)?;
            let updated = policies.update(&permit, patch, &etag).await?;
            Ok(policy::to_wire(&updated))
        })
        .await
    }
}
