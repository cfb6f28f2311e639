//! Users, service accounts, API keys and sessions, and the requests about them. Secrets of a request leave it here, before anything of
//! it is hashed or kept.

use std::mem::take;
use std::ops::RangeInclusive;

use api_proto::zona::identity::v1 as pb;
use domain::access::{Caller, CredentialKind, Origin};
use domain::identity::{
    ApiKey, ApiKeyDraft, Asked, AuthorizationCode, BootstrapDraft, BrowserSession, Issued, Principal, PrincipalDraft, PrincipalState,
    Proof, Role, Secret, UserPatch, is_checkable,
};
use domain::name::{PrincipalKind, PrincipalName, TenantId, TenantName};
use domain::revision::Etag;
use domain::{Error, Result};

use crate::convert::mask::Mask;
use crate::convert::{Violations, WireViolations as _, request_key, time};

/// Fields of a user that an update may name, beside `*`.
pub(crate) const USER_FIELDS: [&str; 4] = ["display_name", "role", "state", "password"];

/// Longest name of an issuer in the configuration.
const MAX_ISSUER: usize = 32;
/// Longest code of an issuer: those that are tokens of their own have some kilobytes.
const MAX_CODE: usize = 4_096;
/// Lengths of a verifier. Source: RFC 7636, 4.1.
const VERIFIER: RangeInclusive<usize> = 43..=128;

/// A principal that is to be made.
pub(crate) struct Create {
    pub(crate) name: Option<PrincipalName>,
    pub(crate) draft: PrincipalDraft,
    pub(crate) asked: Asked,
}

/// Reads the name of a user.
pub(crate) fn user_name(field: &str, text: &str) -> Result<PrincipalName> {
    named(field, text, PrincipalKind::User, "tenants/{tenant}/users/{user}")
}

/// Reads the name of a service account.
pub(crate) fn account_name(field: &str, text: &str) -> Result<PrincipalName> {
    named(field, text, PrincipalKind::ServiceAccount, "tenants/{tenant}/serviceAccounts/{account}")
}

fn named(field: &str, text: &str, kind: PrincipalKind, pattern: &str) -> Result<PrincipalName> {
    let name = PrincipalName::parse(field, text).ok().filter(|name| name.kind() == kind);
    name.ok_or_else(|| Error::invalid(field, "MALFORMED", format!("must be a resource name of the form {pattern}")))
}

// === requests ===

/// How somebody signs in.
pub(crate) enum SignIn {
    /// For tokens.
    Tokens(Proof),
    /// For a browser's session.
    Browser(Proof),
    /// For a browser's session, from the page of an outside issuer.
    Outside(AuthorizationCode),
}

/// Reads IssueToken.
pub(crate) fn read_sign_in(credential: Option<pb::issue_token_request::Credential>, browser: bool) -> Result<SignIn> {
    if let Some(pb::issue_token_request::Credential::Code(shown)) = credential {
        return read_code(shown, browser).map(SignIn::Outside);
    }
    let proof = read_proof(credential)?;
    Ok(if browser { SignIn::Browser(proof) } else { SignIn::Tokens(proof) })
}

fn read_code(shown: pb::CodeCredential, browser: bool) -> Result<AuthorizationCode> {
    let mut violations = Violations::default();
    let pb::CodeCredential { issuer, code, code_verifier } = shown;
    let given =
        [("code.issuer", &issuer, 1..=MAX_ISSUER), ("code.code", &code, 1..=MAX_CODE), ("code.code_verifier", &code_verifier, VERIFIER)];
    for (field, text, lengths) in given {
        if !lengths.contains(&text.len()) {
            violations.push(field, "OUT_OF_RANGE", format!("must have {} to {} bytes", lengths.start(), lengths.end()));
        }
    }
    if !browser {
        violations.push("browser", "CONFLICT", "must be true: what an issuer's page answers begins a browser's session");
    }
    violations.unless_any(AuthorizationCode { issuer, code: Secret::new(code), verifier: Secret::new(code_verifier) })
}

fn read_proof(credential: Option<pb::issue_token_request::Credential>) -> Result<Proof> {
    match credential {
        None | Some(pb::issue_token_request::Credential::Code(_)) => {
            Err(Error::invalid("credential", "MISSING", "is missing; give `password`, `api_key` or `code`"))
        }
        Some(pb::issue_token_request::Credential::ApiKey(key)) => Ok(Proof::ApiKey(Secret::new(key))),
        Some(pb::issue_token_request::Credential::Password(shown)) => {
            let mut violations = Violations::default();
            let password = Secret::new(shown.password);
            let user = violations.take(user_name("password.user", &shown.user))?;
            if !is_checkable(password.expose()) {
                violations.push("password.password", "OUT_OF_RANGE", "must have 1 to 1024 characters");
            }
            let user = violations.unless_any(user)?;
            // A user that cannot be read is among the violations.
            user.map(|user| Proof::Password { user, password }).ok_or(Error::Unauthenticated)
        }
    }
}

/// Reads Bootstrap.
pub(crate) fn read_bootstrap(body: pb::BootstrapRequest) -> Result<BootstrapDraft> {
    let mut violations = Violations::default();
    let name = PrincipalName::new(&TenantId::system(), PrincipalKind::User, "user_id", &body.user_id);
    let name = violations.take(name)?;
    Ok(BootstrapDraft {
        code: Secret::new(body.code),
        name,
        password: Secret::new(body.password),
        display_name: body.display_name,
        violations: violations.into_inner(),
    })
}

/// Reads Revoke.
pub(crate) fn read_revoke(mut body: pb::RevokeRequest, caller: &PrincipalName) -> Asked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("Revoke", caller, &id, &body, &mut violations);
    Asked { etag: Etag::default(), request, violations: violations.into_inner() }
}

/// Reads CreateUser.
pub(crate) fn read_create_user(mut body: pb::CreateUserRequest, parent: &TenantName, caller: &PrincipalName) -> Result<Create> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    // What is remembered of a request must not be a hash that a password could be guessed by.
    let password = body.user.as_mut().map(|user| take(&mut user.password)).filter(|password| !password.is_empty());
    let request = request_key::read("CreateUser", caller, &id, &body, &mut violations);
    let name = violations.take(PrincipalName::new(&parent.tenant, PrincipalKind::User, "user_id", &body.user_id))?;
    let user = body.user.unwrap_or_default();
    let draft = PrincipalDraft {
        display_name: user.display_name,
        role: read_role("user.role", user.role, &mut violations),
        state: read_state("user.state", user.state, &mut violations),
        password: password.map(Secret::new),
    };
    Ok(Create { name, draft, asked: Asked { etag: Etag::default(), request, violations: violations.into_inner() } })
}

/// Reads CreateServiceAccount.
pub(crate) fn read_create_account(
    mut body: pb::CreateServiceAccountRequest,
    parent: &TenantName,
    caller: &PrincipalName,
) -> Result<Create> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("CreateServiceAccount", caller, &id, &body, &mut violations);
    let name = PrincipalName::new(&parent.tenant, PrincipalKind::ServiceAccount, "service_account_id", &body.service_account_id);
    let name = violations.take(name)?;
    let account = body.service_account.unwrap_or_default();
    let draft = PrincipalDraft {
        display_name: account.display_name,
        role: read_role("service_account.role", account.role, &mut violations),
        state: None,
        password: None,
    };
    Ok(Create { name, draft, asked: Asked { etag: Etag::default(), request, violations: violations.into_inner() } })
}

/// Reads UpdateUser.
pub(crate) fn read_update(mut body: pb::UpdateUserRequest, caller: &PrincipalName) -> (UserPatch, Asked) {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let password = body.user.as_mut().map(|user| take(&mut user.password)).unwrap_or_default();
    let current = take(&mut body.current_password);
    let request = request_key::read("UpdateUser", caller, &id, &body, &mut violations);
    let user = body.user.unwrap_or_default();
    let set = [!user.display_name.is_empty(), user.role != 0, user.state != 0, !password.is_empty()];
    let mask = Mask::read_fields(body.update_mask, &USER_FIELDS, set, &mut violations);
    let patch = UserPatch {
        display_name: mask.names("display_name").then_some(user.display_name),
        role: mask.names("role").then(|| read_role("user.role", user.role, &mut violations)).flatten(),
        state: mask.names("state").then(|| read_state("user.state", user.state, &mut violations)).flatten(),
        // `*` without a password leaves it as it is: there is none to read back.
        password: (mask.names_itself("password") || (mask.names("password") && !password.is_empty())).then(|| Secret::new(password)),
        current_password: Some(current).filter(|current| !current.is_empty()).map(Secret::new),
    };
    (patch, Asked { etag: Etag::new(user.etag), request, violations: violations.into_inner() })
}

/// Reads DeleteUser.
pub(crate) fn read_delete_user(mut body: pb::DeleteUserRequest, caller: &PrincipalName) -> Asked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("DeleteUser", caller, &id, &body, &mut violations);
    Asked { etag: Etag::new(body.etag), request, violations: violations.into_inner() }
}

/// Reads DeleteServiceAccount.
pub(crate) fn read_delete_account(mut body: pb::DeleteServiceAccountRequest, caller: &PrincipalName) -> Asked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("DeleteServiceAccount", caller, &id, &body, &mut violations);
    Asked { etag: Etag::new(body.etag), request, violations: violations.into_inner() }
}

/// Reads CreateApiKey.
pub(crate) fn read_create_key(mut body: pb::CreateApiKeyRequest, caller: &PrincipalName) -> (ApiKeyDraft, Asked) {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("CreateApiKey", caller, &id, &body, &mut violations);
    let key = body.api_key.unwrap_or_default();
    let expires = time::read_bound("api_key.expire_time", key.expire_time, &mut violations);
    let draft = ApiKeyDraft { description: key.description, expires };
    (draft, Asked { etag: Etag::default(), request, violations: violations.into_inner() })
}

/// Reads RevokeApiKey.
pub(crate) fn read_revoke_key(mut body: pb::RevokeApiKeyRequest, caller: &PrincipalName) -> Asked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("RevokeApiKey", caller, &id, &body, &mut violations);
    Asked { etag: Etag::default(), request, violations: violations.into_inner() }
}

fn read_role(field: &str, number: i32, violations: &mut Violations) -> Option<Role> {
    match violations.known::<pb::Role>(field, number) {
        pb::Role::Unspecified => None,
        pb::Role::User => Some(Role::User),
        pb::Role::Creator => Some(Role::Creator),
        pb::Role::Admin => Some(Role::Admin),
        pb::Role::SuperAdmin => Some(Role::SuperAdmin),
    }
}

fn read_state(field: &str, number: i32, violations: &mut Violations) -> Option<PrincipalState> {
    match violations.known::<pb::PrincipalState>(field, number) {
        pb::PrincipalState::Unspecified => None,
        pb::PrincipalState::Active => Some(PrincipalState::Active),
        pb::PrincipalState::Disabled => Some(PrincipalState::Disabled),
    }
}

// === answers ===

/// A user.
pub(crate) fn user_to_wire(user: &Principal) -> pb::User {
    pb::User {
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        role: role_to_wire(user.role).into(),
        state: state_to_wire(user.state).into(),
        password: String::new(),
        has_password: user.password.is_some(),
        create_time: Some(time::timestamp(user.created)),
        update_time: Some(time::timestamp(user.updated)),
        etag: user.etag().as_str().to_owned(),
    }
}

/// A service account.
pub(crate) fn account_to_wire(account: &Principal) -> pb::ServiceAccount {
    pb::ServiceAccount {
        name: account.name.to_string(),
        display_name: account.display_name.clone(),
        role: role_to_wire(account.role).into(),
        state: state_to_wire(account.state).into(),
        create_time: Some(time::timestamp(account.created)),
        update_time: Some(time::timestamp(account.updated)),
        etag: account.etag().as_str().to_owned(),
    }
}

/// An API key, without its secret part.
pub(crate) fn key_to_wire(key: &ApiKey) -> pb::ApiKey {
    pb::ApiKey {
        name: key.name().to_string(),
        description: key.description.clone(),
        create_time: Some(time::timestamp(key.created)),
        expire_time: key.expires.map(time::timestamp),
        last_use_time: key.last_used.map(time::timestamp),
        revoke_time: key.revoked.map(time::timestamp),
    }
}

/// What IssueToken answers.
pub(crate) fn issued_to_wire(issued: &Issued) -> pb::IssueTokenResponse {
    pb::IssueTokenResponse {
        access_token: issued.access.expose().to_owned(),
        expires_in: Some(time::duration(issued.expires_in)),
        refresh_token: issued.refresh.expose().to_owned(),
        session_expire_time: Some(time::timestamp(issued.session.expires)),
        session: issued.session.name().to_string(),
        principal: issued.session.principal.to_string(),
        session_secret: String::new(),
    }
}

/// What IssueToken answers for a browser.
pub(crate) fn browser_to_wire(opened: &BrowserSession) -> pb::IssueTokenResponse {
    let BrowserSession { secret, session } = opened;
    pb::IssueTokenResponse {
        expires_in: Some(time::duration(session.expires.since(session.created))),
        session_expire_time: Some(time::timestamp(session.expires)),
        session: session.name().to_string(),
        principal: session.principal.to_string(),
        session_secret: secret.expose().to_owned(),
        ..Default::default()
    }
}

/// What RefreshToken answers.
pub(crate) fn refreshed_to_wire(issued: &Issued) -> pb::RefreshTokenResponse {
    let pb::IssueTokenResponse { access_token, expires_in, refresh_token, session_expire_time, session, principal, session_secret: _ } =
        issued_to_wire(issued);
    pb::RefreshTokenResponse { access_token, expires_in, refresh_token, session_expire_time, session, principal }
}

/// Who calls.
pub(crate) fn caller_to_wire(caller: &Caller, known: Option<&Principal>) -> pb::WhoAmIResponse {
    let credential = caller.credential();
    pb::WhoAmIResponse {
        principal: caller.principal.to_string(),
        display_name: known.map(|principal| principal.display_name.clone()).unwrap_or_default(),
        role: caller.role.map_or(pb::Role::Unspecified, role_to_wire).into(),
        credential: credential_to_wire(&caller.origin).into(),
        session: credential
            .and_then(|shown| shown.session.clone())
            .map(|session| caller.principal.session(session).to_string())
            .unwrap_or_default(),
        api_key: credential.and_then(|shown| shown.key.clone()).map(|key| caller.principal.api_key(key).to_string()).unwrap_or_default(),
        issuer: credential.and_then(|shown| shown.issuer.as_deref()).unwrap_or_default().to_owned(),
        expire_time: credential.and_then(|shown| shown.expires).map(time::timestamp),
    }
}

fn credential_to_wire(origin: &Origin) -> pb::CredentialKind {
    match origin {
        Origin::Local => pb::CredentialKind::Local,
        Origin::Elsewhere => pb::CredentialKind::Unspecified,
        Origin::Credential(shown) => match shown.kind {
            CredentialKind::AccessToken => pb::CredentialKind::AccessToken,
            CredentialKind::Session => pb::CredentialKind::Session,
            CredentialKind::ExternalToken => pb::CredentialKind::ExternalToken,
            CredentialKind::ApiKey => pb::CredentialKind::ApiKey,
            CredentialKind::Certificate => pb::CredentialKind::Certificate,
            // Nobody calls with it.
            CredentialKind::Absence => pb::CredentialKind::Unspecified,
        },
    }
}

/// A role.
pub(crate) fn role_to_wire(role: Role) -> pb::Role {
    match role {
        Role::User => pb::Role::User,
        Role::Creator => pb::Role::Creator,
        Role::Admin => pb::Role::Admin,
        Role::SuperAdmin => pb::Role::SuperAdmin,
    }
}

fn state_to_wire(state: PrincipalState) -> pb::PrincipalState {
    match state {
        PrincipalState::Active => pb::PrincipalState::Active,
        PrincipalState::Disabled => pb::PrincipalState::Disabled,
    }
}
