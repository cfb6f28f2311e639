//! `zona user ...`: people of a tenant.

use std::path::PathBuf;

use api_proto::zona::identity::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use super::role::Role;
use super::subject::{Erase, Export};
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::until_interrupted;
use crate::output::fields;
use crate::pending::Pending;
use crate::secret;

const HEADINGS: &[&str] = &["NAME", "DISPLAY NAME", "ROLE", "STATE", "CREATED"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum User {
    /// Create a user; the password is asked for without showing it
    Create(Create),
    /// List users
    List,
    /// Show a user
    Show(Name),
    /// Change a user; what is not named stays as it is
    Update(Update),
    /// Refuse whatever a user shows, and make void what was issued
    Disable(Change),
    /// Let a disabled user in again
    Enable(Change),
    /// Delete a user for good; what the user owns stays
    Delete(Change),
    /// Take away everything that is stored of a user
    Export(Export),
    /// Erase what is personal of a user, for good: nothing brings it back
    Erase(Erase),
}

#[derive(Debug, Args)]
pub struct Name {
    /// User: an id of the tenant, or a full name
    name: String,
}

#[derive(Debug, Args)]
pub struct Create {
    /// User: an id of the tenant, or a full name
    name: String,
    /// How much of the tenant the user may use
    #[arg(long, value_enum, ignore_case = true, default_value = "USER")]
    role: Role,
    /// How people call the user
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,
    /// Read the password from a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    password_file: Option<PathBuf>,
    /// Give no password: the user signs in only through an outside issuer of tokens
    #[arg(long)]
    no_password: bool,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Update {
    /// User: an id of the tenant, or a full name
    name: String,
    /// How much of the tenant the user may use
    #[arg(long, value_enum, ignore_case = true)]
    role: Option<Role>,
    /// How people call the user
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Ask for a new password without showing it; ends the user's sessions
    #[arg(long)]
    password: bool,
    /// The same, read from a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Read the password until now from a file, for those who change their own [default: asked for]
    #[arg(long, value_name = "FILE")]
    current_password_file: Option<PathBuf>,
    /// Only when the user still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Change {
    /// User: an id of the tenant, or a full name
    name: String,
    /// Only when the user still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl User {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(until_interrupted(self.perform(context)))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            User::Create(create) => create.run(context).await,
            User::List => list(context).await,
            User::Show(Name { name }) => {
                let name = names::user(&context.tenant, name)?;
                let user = context.connect().await?.identity().get_user(soon(pb::GetUserRequest { name })).await.map_err(explained)?;
                show(context, &user.into_inner())
            }
            User::Update(update) => update.run(context).await,
            User::Disable(change) => change.state(context, pb::PrincipalState::Disabled).await,
            User::Enable(change) => change.state(context, pb::PrincipalState::Active).await,
            User::Export(export) => export.run(context).await,
            User::Erase(erase) => erase.run(context).await,
            User::Delete(change) => {
                let name = names::user(&context.tenant, &change.name)?;
                let request = |request_id| pb::DeleteUserRequest { name, etag: change.etag.clone(), request_id };
                let client = context.connect().await?;
                let deleted = change.request.once(request, async |request| client.identity().delete_user(request).await).await;
                let user = deleted.map_err(explained)?;
                context.output.one(|| document(&user), || format!("{} deleted\n", user.name))?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let name = names::user(&context.tenant, &self.name)?;
        let client = context.connect().await?;
        let password = match (&self.password_file, self.no_password) {
            (Some(file), _) => secret::read(file, "password")?.expose().to_owned(),
            (None, true) => String::new(),
            (None, false) => secret::ask_new(&format!("password of {name}"))?.expose().to_owned(),
        };
        let user = pb::User { display_name: self.display_name.clone(), role: self.role.proto().into(), password, ..Default::default() };
        let (parent, user_id) = names::parts(&name);
        let request = |request_id| pb::CreateUserRequest { parent, user_id, user: Some(user), request_id };
        let made = self.request.once(request, async |request| client.identity().create_user(request).await).await;
        show(context, &made.map_err(explained)?)
    }
}

impl Update {
    async fn run(&self, context: &Context) -> Result {
        let name = names::user(&context.tenant, &self.name)?;
        let mut user = pb::User { name: name.clone(), etag: self.etag.clone(), ..Default::default() };
        let mut paths = Vec::new();
        if let Some(display_name) = &self.display_name {
            user.display_name.clone_from(display_name);
            paths.push("display_name");
        }
        if let Some(role) = self.role {
            user.role = role.proto().into();
            paths.push("role");
        }
        let changes_password = self.password || self.password_file.is_some();
        if paths.is_empty() && !changes_password {
            return Err(Failure::usage("nothing to change was named").hint("`zona user update --help` lists what can be changed"));
        }
        let client = context.connect().await?;
        let mut current_password = String::new();
        if changes_password {
            current_password = self.current_password(&client, &name).await?;
            user.password = match &self.password_file {
                Some(file) => secret::read(file, "password")?,
                None => secret::ask_new(&format!("new password of {name}"))?,
            }
            .expose()
            .to_owned();
            paths.push("password");
        }
        let update_mask = Some(prost_types::FieldMask { paths: paths.into_iter().map(str::to_owned).collect() });
        let request = |request_id| pb::UpdateUserRequest { user: Some(user), update_mask, current_password, request_id };
        let updated = self.request.once(request, async |request| client.identity().update_user(request).await).await;
        show(context, &updated.map_err(explained)?)
    }

    /// Who changes their own password must know it; who changes another's need not.
    async fn current_password(&self, client: &Client, name: &str) -> Result<String> {
        if let Some(file) = &self.current_password_file {
            return Ok(secret::read(file, "password")?.expose().to_owned());
        }
        let known = client.identity().who_am_i(soon(pb::WhoAmIRequest {})).await?.into_inner();
        match known.principal == name {
            true => Ok(secret::ask(&format!("password of {name} until now"))?.expose().to_owned()),
            false => Ok(String::new()),
        }
    }
}

impl Change {
    async fn state(&self, context: &Context, state: pb::PrincipalState) -> Result {
        let name = names::user(&context.tenant, &self.name)?;
        let user = pb::User { name, state: state.into(), etag: self.etag.clone(), ..Default::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["state".to_owned()] });
        let request = |request_id| pb::UpdateUserRequest { user: Some(user), update_mask, request_id, ..Default::default() };
        let client = context.connect().await?;
        let updated = self.request.once(request, async |request| client.identity().update_user(request).await).await;
        show(context, &updated.map_err(explained)?)
    }
}

async fn list(context: &Context) -> Result {
    let client = context.connect().await?;
    let parent = names::parent(&context.tenant);
    let found = every(|page_token| async {
        let request = pb::ListUsersRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.identity().list_users(soon(request)).await?.into_inner();
        Ok((page.users, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

/// What a refusal means for users, where the usual advice is about utilities.
fn explained(status: tonic::Status) -> Failure {
    let failure = Failure::from(status).hint_on(Exit::NotFound, "`zona user list` shows what there is");
    match failure.reason.as_deref() {
        Some("ALREADY_EXISTS") => failure.hint("choose another id, or change that user with `zona user update`"),
        _ => failure,
    }
}

fn row(user: &pb::User) -> Vec<String> {
    let (role, state) = texts(user);
    vec![names::id(&user.name).to_owned(), user.display_name.clone(), role, state, moment(user.create_time.as_ref())]
}

fn show(context: &Context, user: &pb::User) -> Result {
    let (role, state) = texts(user);
    let human = || {
        fields(&[
            ("name", user.name.clone()),
            ("display name", user.display_name.clone()),
            ("role", role),
            ("state", state),
            ("password", if user.has_password { "yes" } else { "none: signs in through an outside issuer" }.to_owned()),
            ("created", moment(user.create_time.as_ref())),
            ("updated", moment(user.update_time.as_ref())),
            ("etag", user.etag.clone()),
        ])
    };
    context.output.one(|| document(user), human)?;
    Ok(Exit::Ok)
}

fn texts(user: &pb::User) -> (String, String) {
    let role = short("Role", user.role().as_str_name()).to_owned();
    (role, short("PrincipalState", user.state().as_str_name()).to_owned())
}
