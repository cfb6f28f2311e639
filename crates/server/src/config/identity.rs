//! `[identity]`, `[identity.issuers.NAME]` and `[identity.certificates.NAME]`: how callers are known, how long what is issued lasts, what
//! passwords cost, whom else the server trusts to say who somebody is, and what the certificates of others mean.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth::{
    Algorithm, ExternalConfig, KeyPlace, KeyRingConfig, LEAST_ITERATIONS, LEAST_MEMORY_KIB, LEAST_PARALLELISM, SignInConfig, TokenConfig,
};
use domain::identity::{Lives, MAX_TOKEN_LIFE, Role};
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use gateway::{Origin, Way, redirect};
use settings::{Place, Reader, Section, section, value};

use super::listening::Listening;

/// Where keys are in the data directory.
const DIRECTORY: &str = "identity";
/// Longest name of an issuer's table.
const MAX_NAME: usize = 32;
/// The type of access tokens. Source: RFC 9068.
const TOKEN_TYPE: &str = "at+jwt";
/// The claim that names a user where nobody says otherwise.
const SUBJECT_CLAIM: &str = "sub";
/// What an issuer is asked for where nobody says otherwise, and in any case: without it, no ID token comes (OpenID Connect Core 1.0, 3.1.2.1).
const SCOPE: &str = "openid";
/// Longest text on a button.
const MAX_LABEL: usize = 64;
/// Where the address stands to which issuers send people back.
const PUBLIC_ADDRESS: &str = "gateway.public_address";

section! {
    /// How callers are known.
    pub struct Identity in Place::table("identity");

    /// `false`: every call must prove who calls; `true`, where `listen` is a loopback address: whoever comes there and shows nothing is
    /// the user `tenants/demo/users/local`, whoever on the machine that may be. See [Identity](identity.md)
    local_caller: bool = false => value::flag();
    /// what tokens name as their issuer; the same for all servers of an installation
    issuer: String = "zona" => value::text(name);
    /// whom tokens are meant for
    audience: String = "zona" => value::text(name);
    /// how long an access token lasts, at most 15 minutes
    token_lifetime: Duration = "15m" => value::duration_within(Duration::from_secs(30)..=MAX_TOKEN_LIFE);
    /// how long a session lasts, however often it is refreshed
    session_lifetime: Duration = "30d" => value::duration(Duration::from_secs(60));
    /// how long somebody stays signed in in a browser
    browser_session_lifetime: Duration = "12h" => value::duration(Duration::from_secs(60));
    /// by how much clocks of servers and issuers may differ, at most a minute
    leeway: Duration = "5s" => value::duration_within(Duration::ZERO..=Duration::from_secs(60));
    /// the key that signs tokens is followed by a new one after this
    rotate_keys_after: Duration = "30d" => value::duration(Duration::from_secs(3_600));
    /// memory of one check of a password in KiB; raised, passwords are hashed anew when their users sign in
    password_memory_kib: u32 = 19456 => value::number(LEAST_MEMORY_KIB as u64..=1 << 22);
    /// passes over that memory
    password_iterations: u32 = 2 => value::number(LEAST_ITERATIONS as u64..=64);
    /// lanes of that memory
    password_parallelism: u32 = 1 => value::number(LEAST_PARALLELISM as u64..=64);
    /// passwords that are checked at once; 128 more wait, further ones are told to come back
    password_checks: Option<u32>, shown "half of the processors" => value::optional_number(1..=256);
}

section! {
    /// Somebody else who says who a caller is.
    pub(super) struct Issuer in Place::each("identity.issuers", "NAME", "an issuer");

    /// the `iss` of its tokens, letter by letter
    issuer: String, shown "required" => value::text(name);
    /// the `aud` of its tokens for Zona
    audience: String, shown "required" => value::text(name);
    /// its public keys, a JSON Web Key Set: an absolute path, `https://...`, or `http://127.0.0.1:PORT/...`
    keys: KeyPlace, shown "required" => value::text(KeyPlace::parse);
    /// a PEM file with the authorities of the certificates at its `https` addresses, of keys and of its page; not set: those that the system
    /// trusts
    ca: Option<PathBuf> => value::optional(value::path);
    /// the algorithms that it signs with, separated by commas: `EdDSA`, `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`,
    /// `PS512`
    algorithms: Vec<Algorithm>, shown "required" => value::text(|text| list(text, algorithm));
    /// the tenants that it may speak for, separated by commas
    tenants: Vec<TenantId>, shown "required" => value::text(|text| list(text, tenant));
    /// the claim that says which of them; not set: there is only one
    tenant_claim: Option<String> => value::optional(name);
    /// the claim with the user's id, one that nobody chooses for themselves; in another claim: `outer.inner`
    subject_claim: Option<String>, shown "`sub`" => value::optional(name);
    /// the claim with roles, a text or a list; not set: a caller has the role of the user of this name in Zona
    role_claim: Option<String> => value::optional(name);
    /// what its roles mean, separated by commas: `theirs=user`, `creator` or `admin`
    roles: Option<Vec<(String, Role)>> => value::optional(|text| list(text, role));
    /// the `typ` of its tokens
    token_type: Option<String>, shown "`at+jwt`" => value::optional(name);
    /// what it knows Zona by; set, people sign in to the console at its page, and `gateway.public_address` must be set, too. See
    /// [Identity](identity.md#signing-in-at-an-issuers-page)
    client_id: Option<String> => value::optional(name);
    /// a file with the secret that proves Zona to it, one line; not set: a public client
    client_secret_file: Option<PathBuf> => value::optional(absolute);
    /// what it is asked for at its page, separated by blanks
    scopes: Option<String>, shown "`openid`" => value::optional(scopes);
    /// what the button says that leads to its page
    label: Option<String>, shown "the name of the table" => value::optional(label);
}

section! {
    /// Certificates of clients that name an account in somebody else's words.
    pub(super) struct Certificate in Place::each("identity.certificates", "NAME", "a certificate");

    /// the one URI of its alternative names, letter by letter, e.g. `spiffe://example.org/ns/jobs/sa/nightly`
    uri: String, shown "required" => value::text(name);
    /// the service account that it is about: `tenants/{tenant}/serviceAccounts/{account}`
    account: PrincipalName, shown "required" => value::text(service_account);
}

// === impl Identity ===

impl Identity {
    /// Reads the section, and what it has to say of where the server listens: one that others reach lets nobody in unknown, since whoever
    /// comes over the loopback interface then may be somebody's relay.
    pub(super) fn checked(reader: &mut Reader<'_>, listening: Option<&Listening>) -> Option<Self> {
        let identity = Identity::read(reader, Identity::SECTION.path())?;
        let address = listening.map(|listening| listening.listen).filter(|address| !address.ip().is_loopback());
        let Some(address) = address.filter(|_| identity.local_caller) else { return Some(identity) };
        let problem = format!("is true, which is for a server that nobody else reaches, and `listen` is {address}; leave one of them out");
        reader.refuse(&Section::key(Identity::SECTION.path(), "local_caller"), problem);
        None
    }

    /// The configuration of tokens.
    pub(crate) fn tokens(&self) -> TokenConfig {
        TokenConfig { issuer: self.issuer.clone(), audience: self.audience.clone(), leeway: self.leeway }
    }

    /// How keys are kept in this data directory. A key is needed for as long as the longest token, whatever lasts now.
    pub(crate) fn keys(&self, data: &Path) -> KeyRingConfig {
        KeyRingConfig { directory: data.join(DIRECTORY), rotate_after: self.rotate_keys_after, outlives: MAX_TOKEN_LIFE + self.leeway }
    }

    /// How passwords are hashed.
    pub(crate) fn passwords(&self) -> auth::PasswordConfig {
        let half = || std::thread::available_parallelism().map_or(1, |processors| processors.get() / 2);
        let at_once = self.password_checks.map_or_else(half, |checks| checks as usize);
        auth::PasswordConfig {
            memory_kib: self.password_memory_kib,
            iterations: self.password_iterations,
            parallelism: self.password_parallelism,
            at_once: NonZeroUsize::new(at_once).unwrap_or(NonZeroUsize::MIN),
        }
    }

    /// How long what is issued lasts.
    pub(crate) fn lives(&self) -> Lives {
        Lives { token: self.token_lifetime, session: self.session_lifetime, browser: self.browser_session_lifetime }
    }
}

// === impl Issuer ===

impl Issuer {
    fn config(self) -> ExternalConfig {
        ExternalConfig {
            issuer: self.issuer,
            audience: self.audience,
            token_type: self.token_type.unwrap_or_else(|| TOKEN_TYPE.to_owned()),
            algorithms: self.algorithms,
            keys: self.keys,
            tenants: self.tenants,
            tenant_claim: self.tenant_claim,
            subject_claim: self.subject_claim.unwrap_or_else(|| SUBJECT_CLAIM.to_owned()),
            role_claim: self.role_claim,
            roles: self.roles.unwrap_or_default(),
            sign_in: None,
        }
    }

    /// How people sign in at its page, as browsers see it.
    fn way(&self, name: &str, client: &str) -> Way {
        Way {
            name: name.to_owned(),
            label: self.label.clone().unwrap_or_else(|| name.to_owned()),
            issuer: self.issuer.clone(),
            client: client.to_owned(),
            scopes: self.scopes.clone().unwrap_or_else(|| SCOPE.to_owned()),
        }
    }

    /// How the codes of its page are redeemed, which sends people back to this address.
    fn sign_in(&self, name: &str, client: &str, public: &Origin) -> Result<SignInConfig, (&'static str, String)> {
        let place = SignInConfig::place(&self.issuer).map_err(|problem| ("issuer", problem))?;
        let place = match (&self.ca, &place) {
            (Some(ca), KeyPlace::Encrypted { .. }) => place.believing(ca.clone()).map_err(|problem| ("ca", problem))?,
            _ => place,
        };
        Ok(SignInConfig {
            name: name.to_owned(),
            issuer: self.issuer.clone(),
            place,
            client: client.to_owned(),
            secret: self.client_secret_file.clone(),
            redirect: redirect(public, name),
        })
    }

    /// What is set that means nothing without a client.
    fn idle(&self) -> Option<&'static str> {
        let set =
            [("client_secret_file", self.client_secret_file.is_some()), ("scopes", self.scopes.is_some()), ("label", self.label.is_some())];
        set.into_iter().find(|(_, is_set)| *is_set && self.client_id.is_none()).map(|(key, _)| key)
    }
}

/// Reads every issuer's table, and what they have to say of each other; and who of them signs people in at a page.
pub(super) fn issuers(reader: &mut Reader<'_>) -> Option<(Vec<ExternalConfig>, Vec<Way>)> {
    let own = reader.known("identity.issuer", |text| Some(text.to_owned()));
    let names = reader.entries(&Issuer::SECTION);
    let tables: Vec<_> = names.iter().map(|name| one(reader, name)).collect();
    let (read, ways): (Vec<ExternalConfig>, Vec<Option<Way>>) = tables.into_iter().collect::<Option<_>>()?;
    let mut fine = true;
    for (index, issuer) in read.iter().enumerate() {
        let known = read[..index].iter().any(|other| other.issuer == issuer.issuer) || own.as_ref() == Some(&issuer.issuer);
        if known {
            reader.refuse(&Section::key(&Issuer::SECTION.entry(&names[index]), "issuer"), "is the name of another issuer, or Zona's own");
            fine = false;
        }
    }
    fine.then(|| (read, ways.into_iter().flatten().collect()))
}

/// Reads what the certificates of others mean; of one URI there is one meaning.
pub(super) fn certificates(reader: &mut Reader<'_>) -> Option<Vec<(String, PrincipalName)>> {
    let names = reader.entries(&Certificate::SECTION);
    let read = |name: &String| Certificate::read(reader, &Certificate::SECTION.entry(name));
    let tables: Vec<_> = names.iter().map(read).collect();
    let read: Vec<Certificate> = tables.into_iter().collect::<Option<_>>()?;
    let mut fine = true;
    for (index, certificate) in read.iter().enumerate() {
        if read[..index].iter().any(|other| other.uri == certificate.uri) {
            reader.refuse(&Section::key(&Certificate::SECTION.entry(&names[index]), "uri"), "is the URI of another certificate");
            fine = false;
        }
    }
    fine.then(|| read.into_iter().map(|certificate| (certificate.uri, certificate.account)).collect())
}

fn one(reader: &mut Reader<'_>, name: &str) -> Option<(ExternalConfig, Option<Way>)> {
    let table = Issuer::SECTION.entry(name);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let named = !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(allowed);
    if !named {
        reader.refuse(&table, format!("an issuer has a name of 1 to {MAX_NAME} lower-case letters, digits and hyphens"));
    }
    let issuer = Issuer::read(reader, &table).filter(|_| named)?;
    if issuer.tenants.len() > 1 && issuer.tenant_claim.is_none() {
        reader.refuse(&Section::key(&table, "tenant_claim"), "is missing: which of several tenants a token speaks for must be said");
        return None;
    }
    if issuer.role_claim.is_some() != issuer.roles.is_some() {
        reader.refuse(&Section::key(&table, "roles"), "and `role_claim` need each other");
        return None;
    }
    // Keys in a file need no authorities, and the issuer's page beside them may.
    let is_for_page = issuer.client_id.is_some() && matches!(SignInConfig::place(&issuer.issuer), Ok(KeyPlace::Encrypted { .. }));
    let ca = issuer.ca.clone().filter(|_| matches!(issuer.keys, KeyPlace::Encrypted { .. }) || !is_for_page);
    let keys = match ca.map_or(Ok(issuer.keys.clone()), |ca| issuer.keys.clone().believing(ca)) {
        Ok(keys) => keys,
        Err(problem) => {
            reader.refuse(&Section::key(&table, "ca"), problem);
            return None;
        }
    };
    let (sign_in, way) = match signs_in(reader, name, &issuer) {
        Ok(found) => found.map_or((None, None), |(sign_in, way)| (Some(sign_in), Some(way))),
        Err((key, problem)) => {
            reader.refuse(&Section::key(&table, key), problem);
            return None;
        }
    };
    Some((ExternalConfig { sign_in, ..Issuer { keys, ..issuer }.config() }, way))
}

/// How people sign in at an issuer's page, where they do.
fn signs_in(reader: &Reader<'_>, name: &str, issuer: &Issuer) -> Result<Option<(SignInConfig, Way)>, (&'static str, String)> {
    if let Some(key) = issuer.idle() {
        return Err((key, "needs `client_id` beside it".to_owned()));
    }
    let Some(client) = &issuer.client_id else { return Ok(None) };
    let public = reader.known(PUBLIC_ADDRESS, |text| text.parse::<Origin>().ok());
    let public = public.ok_or_else(|| ("client_id", format!("needs `{PUBLIC_ADDRESS}`: the issuer sends people back there")))?;
    if !public.is_guarded() {
        return Err(("client_id", format!("needs `{PUBLIC_ADDRESS}` over https, or on this host: codes come back there")));
    }
    Ok(Some((issuer.sign_in(name, client, &public)?, issuer.way(name, client))))
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}

/// Scopes by RFC 6749, 3.3, one of which brings an ID token.
fn scopes(text: &str) -> Result<String, String> {
    let is_scope = |scope: &str| scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    let all: Vec<&str> = text.split_whitespace().collect();
    match all.contains(&SCOPE) && all.iter().all(|scope| is_scope(scope)) {
        true => Ok(all.join(" ")),
        false => Err(format!("must be scopes separated by blanks, `{SCOPE}` among them")),
    }
}

/// A text that people read: one line, not empty.
fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MAX_LABEL && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(format!("must have 1 to {MAX_LABEL} characters in one line")) }
}

/// A text as it stands in tokens: one line, not empty.
fn name(text: &str) -> Result<String, String> {
    let fits = text.len() <= 256 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits { Ok(text.to_owned()) } else { Err("must have at most 256 characters and no spaces".to_owned()) }
}

fn service_account(text: &str) -> Result<PrincipalName, String> {
    match PrincipalName::parse("account", text) {
        Ok(name) if name.kind() == PrincipalKind::ServiceAccount => Ok(name),
        _ => Err(format!("{text:?} is not of the form tenants/{{tenant}}/serviceAccounts/{{account}}")),
    }
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).map(parse).collect()
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::named(name).ok_or_else(|| {
        let names = Algorithm::NAMES.map(|(name, _)| name).join(", ");
        format!("{name:?} is none of {names}")
    })
}

fn tenant(code: &str) -> Result<TenantId, String> {
    match TenantId::parse("tenant", code) {
        Ok(tenant) if tenant.is_system() => Err(format!("`{tenant}` is the installation's own: nobody else speaks for it")),
        Ok(tenant) => Ok(tenant),
        Err(_) => Err(format!("{code:?} is no code of a tenant")),
    }
}

fn role(mapping: &str) -> Result<(String, Role), String> {
    let read = mapping.split_once('=').and_then(|(theirs, ours)| Some((theirs.trim().to_owned(), Role::parse(ours.trim())?)));
    match read {
        Some((theirs, role)) if !theirs.is_empty() && role < Role::SuperAdmin => Ok((theirs, role)),
        _ => Err(format!("{mapping:?} is not of the form theirs=user, theirs=creator or theirs=admin")),
    }
}
