//! `zona tenant ...`: who an installation is shared by.

use std::path::PathBuf;

use api_proto::zona::tenant::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::execution::moment;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;
use crate::secret;

const HEADINGS: &[&str] = &["ID", "CODE", "NAME", "STATUS", "CREATED"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Create a tenant; only super administrators may
    Create(Create),
    /// Show a tenant
    Get(Code),
    /// List tenants; only super administrators may
    List(List),
    /// Change a tenant; what is not named stays as it is
    Update(Update),
    /// Let nothing of a tenant happen: what runs ends, and whoever is of it is refused
    Suspend(Change),
    /// Take a suspension, or a deletion, back
    Resume(Change),
    /// Delete a tenant: from now on it is like a suspended one; 30 days later its data is removed
    Delete(Change),
}

#[derive(Debug, Args)]
pub struct Code {
    /// Tenant: its code, or its full name [default: the tenant of bare names]
    code: Option<String>,
}

#[derive(Debug, Args)]
pub struct List {
    /// Deleted ones, too
    #[arg(long)]
    deleted: bool,
}

/// What is said of a tenant.
#[derive(Debug, Args)]
pub struct Said {
    /// How people call the tenant
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Host of the tenant's database in another system, perhaps with a port
    #[arg(long, value_name = "HOST")]
    db_host: Option<String>,
    /// Who connects to that database
    #[arg(long, value_name = "USER")]
    db_username: Option<String>,
    /// Name of that database
    #[arg(long, value_name = "NAME")]
    db_name: Option<String>,
    /// Read the password of that database from a file; `-` is standard input, an empty one takes it away
    #[arg(long, value_name = "FILE")]
    db_password_file: Option<PathBuf>,
    /// Time zone whose days count, e.g. Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Locale that numbers are written in for its people, a BCP 47 tag, e.g. de-CH
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// Whether other tenants may offer it shares; to those of one that refuses, it is as if there were no such tenant
    #[arg(long, value_enum)]
    share_offers: Option<ShareOffers>,
    /// Version of the terms that the tenant has agreed to, as you call it
    #[arg(long, value_name = "TEXT")]
    terms_version: Option<String>,
    /// Days for which executions are kept; 0: as the server says
    #[arg(long, value_name = "DAYS")]
    execution_days: Option<i32>,
    /// Days for which their output is kept; 0: as long as they are
    #[arg(long, value_name = "DAYS")]
    output_days: Option<i32>,
    /// Days for which deleted utilities are kept; 0: for good
    #[arg(long, value_name = "DAYS")]
    deleted_utility_days: Option<i32>,
    /// Days for which the audit log is kept, at least 30; 0: for good; only super administrators may change it
    #[arg(long, value_name = "DAYS")]
    audit_days: Option<i32>,
    /// Whether everything is kept, whatever else is said; only super administrators may change it
    #[arg(long, value_name = "true|false")]
    legal_hold: Option<bool>,
    /// Most utilities that it may have; 0: no bound; only super administrators may change it
    #[arg(long, value_name = "COUNT")]
    max_utilities: Option<i32>,
    /// Most bytes of output that are kept of it; 0: no bound of its own; only super administrators may change it
    #[arg(long, value_name = "BYTES")]
    max_output_bytes: Option<i64>,
    /// Most executions at once on each server; 0: as the server says; only super administrators may change it
    #[arg(long, value_name = "COUNT")]
    max_running: Option<i32>,
    /// Runtimes that it may use, separated by commas; empty: every one; only super administrators may change them
    #[arg(long, value_name = "NAMES")]
    runtimes: Option<String>,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Code of the tenant
    code: String,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Update {
    /// Tenant: its code, or its full name
    code: String,
    #[command(flatten)]
    said: Said,
    /// Only when the tenant still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Change {
    /// Tenant: its code, or its full name
    code: String,
    /// Only when the tenant still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl Tenant {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Tenant::Create(create) => create.run(context).await,
            Tenant::Get(Code { code }) => {
                let name = match code {
                    Some(code) => names::tenant(code)?,
                    None => names::parent(&context.tenant),
                };
                let tenant = context.connect().await?.tenants().get_tenant(soon(pb::GetTenantRequest { name })).await;
                show(context, &tenant.map_err(explained)?.into_inner())
            }
            Tenant::List(List { deleted }) => list(context, *deleted).await,
            Tenant::Update(update) => update.run(context).await,
            Tenant::Suspend(change) => {
                let (name, etag) = change.parts()?;
                let request = |request_id| pb::SuspendTenantRequest { name, etag, request_id };
                let client = context.connect().await?;
                let tenant = change.request.once(request, async |request| client.tenants().suspend_tenant(request).await).await;
                show(context, &tenant.map_err(explained)?)
            }
            Tenant::Resume(change) => {
                let (name, etag) = change.parts()?;
                let request = |request_id| pb::ResumeTenantRequest { name, etag, request_id };
                let client = context.connect().await?;
                let tenant = change.request.once(request, async |request| client.tenants().resume_tenant(request).await).await;
                show(context, &tenant.map_err(explained)?)
            }
            Tenant::Delete(change) => {
                let (name, etag) = change.parts()?;
                let request = |request_id| pb::DeleteTenantRequest { name, etag, request_id };
                let client = context.connect().await?;
                let tenant = change.request.once(request, async |request| client.tenants().delete_tenant(request).await).await;
                show(context, &tenant.map_err(explained)?)
            }
        }
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let tenant_id = names::tenant(&self.code)?.trim_start_matches("tenants/").to_owned();
        let (tenant, _) = self.said.tenant()?;
        let request = |request_id| pb::CreateTenantRequest { tenant_id, tenant: Some(tenant), request_id };
        let client = context.connect().await?;
        let made = self.request.once(request, async |request| client.tenants().create_tenant(request).await).await;
        show(context, &made.map_err(explained)?)
    }
}

impl Update {
    async fn run(&self, context: &Context) -> Result {
        let name = names::tenant(&self.code)?;
        let (tenant, paths) = self.said.tenant()?;
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona tenant update --help` lists what can be changed"));
        }
        let tenant = Some(pb::Tenant { etag: self.etag.clone(), ..tenant });
        let update_mask = Some(prost_types::FieldMask { paths });
        let request = |request_id| pb::UpdateTenantRequest { name, tenant, update_mask, request_id };
        let client = context.connect().await?;
        let updated = self.request.once(request, async |request| client.tenants().update_tenant(request).await).await;
        show(context, &updated.map_err(explained)?)
    }
}

/// Whether others may offer a tenant shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShareOffers {
    Taken,
    Refused,
}

impl ShareOffers {
    fn proto(self) -> pb::ShareOffers {
        match self {
            ShareOffers::Taken => pb::ShareOffers::Taken,
            ShareOffers::Refused => pb::ShareOffers::Refused,
        }
    }
}

impl Said {
    /// The tenant with what was said, and the fields that were.
    fn tenant(&self) -> Result<(pb::Tenant, Vec<String>)> {
        let text = |said: &Option<String>| said.clone().unwrap_or_default();
        let tenant = pb::Tenant {
            display_name: text(&self.name),
            db_host: text(&self.db_host),
            db_username: text(&self.db_username),
            db_name: text(&self.db_name),
            db_password: match &self.db_password_file {
                Some(file) => secret::read(file, "password")?.expose().to_owned(),
                None => String::new(),
            },
            settings: Some(pb::TenantSettings {
                time_zone: text(&self.time_zone),
                locale: text(&self.locale),
                consent: Some(pb::TenantConsent {
                    share_offers: self.share_offers.map_or(pb::ShareOffers::Unspecified, ShareOffers::proto).into(),
                    terms_version: text(&self.terms_version),
                    ..Default::default()
                }),
                execution_days: self.execution_days.unwrap_or_default(),
                output_days: self.output_days.unwrap_or_default(),
                deleted_utility_days: self.deleted_utility_days.unwrap_or_default(),
                audit_days: self.audit_days.unwrap_or_default(),
                legal_hold: self.legal_hold.unwrap_or_default(),
                max_utilities: self.max_utilities.unwrap_or_default(),
                max_output_bytes: self.max_output_bytes.unwrap_or_default(),
                max_running: self.max_running.unwrap_or_default(),
                runtimes: text(&self.runtimes).split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            }),
            ..Default::default()
        };
        let fields = [
            ("display_name", self.name.is_some()),
            ("db_host", self.db_host.is_some()),
            ("db_username", self.db_username.is_some()),
            ("db_name", self.db_name.is_some()),
            ("db_password", self.db_password_file.is_some()),
            ("settings.time_zone", self.time_zone.is_some()),
            ("settings.locale", self.locale.is_some()),
            ("settings.consent.share_offers", self.share_offers.is_some()),
            ("settings.consent.terms_version", self.terms_version.is_some()),
            ("settings.execution_days", self.execution_days.is_some()),
            ("settings.output_days", self.output_days.is_some()),
            ("settings.deleted_utility_days", self.deleted_utility_days.is_some()),
            ("settings.audit_days", self.audit_days.is_some()),
            ("settings.legal_hold", self.legal_hold.is_some()),
            ("settings.max_utilities", self.max_utilities.is_some()),
            ("settings.max_output_bytes", self.max_output_bytes.is_some()),
            ("settings.max_running", self.max_running.is_some()),
            ("settings.runtimes", self.runtimes.is_some()),
        ];
        Ok((tenant, fields.into_iter().filter(|(_, said)| *said).map(|(field, _)| field.to_owned()).collect()))
    }
}

impl Change {
    fn parts(&self) -> Result<(String, String)> {
        Ok((names::tenant(&self.code)?, self.etag.clone()))
    }
}

async fn list(context: &Context, show_deleted: bool) -> Result {
    let client = context.connect().await?;
    let mut request = pb::ListTenantsRequest { page_size: PAGE as i32, show_deleted, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = client.tenants().list_tenants(soon(request.clone())).await?.into_inner();
        found.extend(page.tenants);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

/// What a refusal means for tenants, where the usual advice is about utilities.
fn explained(status: tonic::Status) -> Failure {
    let failure = Failure::from(status).hint_on(Exit::NotFound, "`zona tenant list --deleted` shows what there is");
    match failure.reason.as_deref() {
        Some("ALREADY_EXISTS") => failure.hint("choose another code; a deleted tenant keeps its own"),
        _ => failure,
    }
}

fn row(tenant: &pb::Tenant) -> Vec<String> {
    let pb::Tenant { id, tenantcode, display_name, status, .. } = tenant;
    let display_name = match tenant.problem() {
        pb::TenantProblem::Unspecified => display_name.clone(),
        pb::TenantProblem::Unreadable => "(cannot be read)".to_owned(),
    };
    vec![id.to_string(), tenantcode.clone(), display_name, status.clone(), moment(tenant.create_time.as_ref())]
}

/// What the tenant has agreed to.
fn agreed(consent: Option<&pb::TenantConsent>) -> Vec<(&'static str, String)> {
    let Some(consent) = consent else { return Vec::new() };
    let refuses = consent.share_offers() == pb::ShareOffers::Refused;
    let mut rows = vec![("share offers", if refuses { "refused" } else { "taken" }.to_owned())];
    if !consent.terms_version.is_empty() {
        rows.push(("terms", consent.terms_version.clone()));
    }
    if !consent.consenter.is_empty() {
        rows.push(("agreed", format!("{} by {}", moment(consent.consent_time.as_ref()), consent.consenter)));
    }
    rows
}

fn show(context: &Context, tenant: &pb::Tenant) -> Result {
    let human = || {
        let mut rows = vec![
            ("name", tenant.display_name.clone()),
            ("code", tenant.tenantcode.clone()),
            ("id", tenant.id.to_string()),
            ("status", tenant.status.clone()),
            ("created", moment(tenant.create_time.as_ref())),
            ("updated", moment(tenant.update_time.as_ref())),
            ("etag", tenant.etag.clone()),
        ];
        if tenant.close_time.is_some() {
            rows.insert(4, ("since", moment(tenant.close_time.as_ref())));
        }
        if !tenant.db_host.is_empty() {
            let of = [("database", &tenant.db_host), ("database user", &tenant.db_username), ("database name", &tenant.db_name)];
            rows.extend(of.map(|(label, text)| (label, text.clone())));
        }
        if let Some(settings) = &tenant.settings {
            let days = |days: i32, none: &str| if days == 0 { none.to_owned() } else { format!("{days} days") };
            rows.push(("time zone", settings.time_zone.clone()));
            rows.push(("locale", settings.locale.clone()));
            rows.extend(agreed(settings.consent.as_ref()));
            rows.push(("executions", days(settings.execution_days, "kept as the server says")));
            rows.push(("output", days(settings.output_days, "kept with its execution")));
            rows.push(("deleted utilities", days(settings.deleted_utility_days, "kept for good")));
            rows.push(("audit log", days(settings.audit_days, "kept for good")));
            let most = |number: i64| if number == 0 { "no bound".to_owned() } else { number.to_string() };
            rows.push(("most utilities", most(settings.max_utilities.into())));
            rows.push(("most output bytes", most(settings.max_output_bytes)));
            rows.push(("most at once", most(settings.max_running.into())));
            rows.push(("runtimes", if settings.runtimes.is_empty() { "every one".to_owned() } else { settings.runtimes.join(", ") }));
            rows.push(("legal hold", if settings.legal_hold { "yes: everything is kept" } else { "no" }.to_owned()));
        }
        fields(&rows)
    };
    context.output.one(|| document(tenant), human)?;
    Ok(Exit::Ok)
}
