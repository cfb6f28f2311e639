//! Passwords of tenants' databases, which are sealed where they are stored.

use api_proto::zona::tenant::v1 as tenants;
use prost_types::FieldMask;
use tenants::tenant_service_client::TenantServiceClient;
use tonic::Code;

use super::{Story, shown};

/// Passwords of a tenant's database: kept, changed, refused, and never answered.
pub(super) async fn passwords(story: &mut Story, root: &str) {
    let mut client = TenantServiceClient::new(story.channel.clone());
    let (made, changed, long) = (story.secret(""), story.secret(""), story.secret(&"long".repeat(1_000)));
    let tenant = |db_password| Some(tenants::Tenant { db_password, db_host: "db.example".to_owned(), ..Default::default() });
    let create = tenants::CreateTenantRequest { tenant_id: "acme".to_owned(), tenant: tenant(made), ..Default::default() };
    let answer = client.create_tenant(shown(root, create)).await;
    assert_eq!(story.heard(answer), Code::Ok);
    for (db_password, expected) in [(changed, Code::Ok), (long, Code::InvalidArgument)] {
        let update_mask = Some(FieldMask { paths: vec!["db_password".to_owned()] });
        let (name, tenant) = ("tenants/acme".to_owned(), tenant(db_password));
        let answer =
            client.update_tenant(shown(root, tenants::UpdateTenantRequest { name, tenant, update_mask, ..Default::default() })).await;
        assert_eq!(story.heard(answer), expected);
    }
    let answer = client.get_tenant(shown(root, tenants::GetTenantRequest { name: "tenants/acme".to_owned() })).await;
    assert_eq!(story.heard(answer), Code::Ok);
}
