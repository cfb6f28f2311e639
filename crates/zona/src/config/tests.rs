//! What the configuration accepts and refuses. Precedence of the environment is shown through the real binary in `tests/it`.

use std::path::PathBuf;
use std::time::Duration;

use domain::admission::{self, Share};
use domain::name::TenantId;
use server::config::BackendKind;

use super::*;

mod sign_in;

struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn file(text: &str) -> File {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zona.toml");
    std::fs::write(&path, text).unwrap();
    File { _directory: directory, path }
}

fn surroundings() -> Surroundings {
    Surroundings { home: Some("/home/somebody".into()), ..Surroundings::default() }
}

fn load_file(text: &str) -> Result<Loaded<Config>, Problems> {
    load(Some(&file(text).path), Vec::new(), Vec::new(), &surroundings())
}

fn problems(text: &str) -> Vec<String> {
    let Err(Problems(problems)) = load_file(text) else { panic!("accepted: {text}") };
    problems.into_iter().map(|(key, problem)| format!("{key}: {}", problem.split(" (from").next().unwrap_or_default())).collect()
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = load_file("").unwrap().config.server;
    assert_eq!(config.listening.data, PathBuf::from("/home/somebody/.local/share/zona"));
    assert_eq!(config.admission, admission::Config::default());
    assert_eq!(config.executions.keep, Duration::from_secs(7 * 24 * 3600));
    assert_eq!(config.otlp.endpoint, None);
}

#[test]
fn every_problem_is_reported_at_once() {
    let found = problems(
        "listen = \"0.0.0.0:1\"\ntenant = \"Not A Slug\"\nsurver = 1\n[sandbox]\nbackend = \"vm\"\nwarm = 9\nmax_sandboxes = 2\nidle = \"soon\"\n\
         first_uid = 0\n[store]\nreaders = \"many\"\n",
    );
    assert_eq!(
        found,
        [
            "listen: 0.0.0.0:1 is not a loopback address, and there is no TLS, so whoever is on the way could read and change \
             everything; set `tls.certificate` and `tls.key`, or use 127.0.0.1 or [::1]",
            "sandbox.backend: \"vm\" is not one of namespace, docker, landlock",
            "sandbox.first_uid: must be a whole number from 1 to 4294967294",
            "sandbox.idle: \"soon\" is not a duration such as 500ms, 10s or 7d",
            "sandbox.warm: is 9, more than `sandbox.max_sandboxes`, which is 2",
            "sandbox.warm: is 9, more than `sandbox.max_warm`, which is 4",
            "store.readers: must be a whole number from 1 to 64",
            "surver: is unknown; keys outside a section are server, tenant, context, api_key_file, ca, output, listen, admin_listen, admin_names, max_connections, data, \
             advisories; sections are [gateway], [tls], [log], [otlp], [sandbox], [executions], [identity], [identity.issuers.NAME], \
             [identity.certificates.NAME], [audit], [events], [webhooks], [store], [blobs], [keys], [cache], [limits], [engine], [runtimes.NAME], [tenants.CODE]",
            "tenant: a tenant has 1 to 32 lower-case letters, digits and inner hyphens, and starts with a letter",
        ]
    );
}

#[test]
fn an_unknown_key_is_answered_with_those_of_its_section() {
    assert_eq!(
        problems("[store]\nreader = 3"),
        [
            "store.reader: is unknown; [store] has mongodb, mongodb_database, mongodb_user_file, mongodb_password_file, mongodb_connections, \
             mongodb_secondaries, embedded, readers, deadline"
        ]
    );
    assert_eq!(problems("[tenants.acme]\nwait = 3"), ["tenants.acme.wait: is unknown; a tenant has weight, max_running, max_queued"]);
    assert_eq!(
        problems("[sandboxes]\nwarm = 3"),
        [
            "sandboxes.warm: is unknown; sections are [gateway], [tls], [log], [otlp], [sandbox], [executions], [identity], [identity.issuers.NAME], \
             [identity.certificates.NAME], [audit], [events], [webhooks], [store], [blobs], [keys], [cache], [limits], [engine], [runtimes.NAME], [tenants.CODE]"
        ]
    );
}

#[test]
fn what_protects_wrapping_keys_needs_all_that_it_is_asked_by() {
    let missing = |key: &str, by: &str| format!("keys.{key}: is missing: `keys.protection` is {by:?}");
    let expected = ["aws_credentials", "aws_key", "aws_region"].map(|key| missing(key, "aws-kms"));
    assert_eq!(problems("[keys]\nprotection = \"aws-kms\""), expected);
    let expected = ["vault_address", "vault_key", "vault_token_file"].map(|key| missing(key, "vault-transit"));
    assert_eq!(problems("[keys]\nprotection = \"vault-transit\""), expected);
    let vault = "[keys]\nprotection = \"vault-transit\"\nvault_key = \"zona\"\nvault_token_file = \"/token\"\nvault_address = ";
    let expected = "keys.vault_address: must begin with https://, or with http://127.0.0.1: keys go elsewhere over TLS only";
    assert_eq!(problems(&format!("{vault}\"http://vault.example:8200\"")), [expected]);
    assert!(load_file(&format!("{vault}\"https://vault.example:8200\"")).is_ok());
    assert_eq!(problems("[keys]\naws_region = \"eu/x\""), ["keys.aws_region: must be a region, such as eu-central-1"]);
    assert!(problems("[keys]\nvault_key = \"../sys\"")[0].starts_with("keys.vault_key: must have letters"));
}

#[test]
fn no_more_sandboxes_wait_at_least_than_at_most() {
    assert_eq!(problems("[sandbox]\nwarm = 3\nmax_warm = 0"), ["sandbox.warm: is 3, more than `sandbox.max_warm`, which is 0"]);
    assert_eq!(load_file("[sandbox]\nwarm = 3\nmax_warm = 3").unwrap().config.server.sandbox.max_warm, 3);
}

#[test]
fn a_section_given_as_a_value_is_one_problem() {
    assert_eq!(problems("sandbox = 3"), ["sandbox: is a section, not a value"]);
}

#[test]
fn a_file_that_is_not_toml_is_named() {
    let file = file("listen = ");
    let Err(Problems(found)) = load(Some(&file.path), Vec::new(), Vec::new(), &surroundings()) else { panic!("accepted") };
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.ends_with("zona.toml"), "{found:?}");
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_named() {
    assert!(load(Some(Path::new("/nowhere/zona.toml")), Vec::new(), Vec::new(), &surroundings()).is_err());
    assert!(load(None, Vec::new(), Vec::new(), &surroundings()).is_ok());
}

#[test]
fn a_flag_wins_over_the_file() {
    let flags = vec![Flag { key: "sandbox.backend", value: "docker".to_owned() }];
    let file = file("tenant = \"acme\"\n[sandbox]\nbackend = \"namespace\"");
    let loaded = load(Some(&file.path), Vec::new(), flags, &surroundings()).unwrap();
    assert_eq!(loaded.config.server.sandbox.backend, BackendKind::Docker);
    assert_eq!(loaded.config.client.tenant.as_ref().map(|tenant| tenant.as_str()), Some("acme"));
    let printed = loaded.print();
    assert!(printed.contains("backend = \"docker\"  # command line"), "{printed}");
    assert!(printed.contains("zona.toml"), "{printed}");
}

#[test]
fn packages_lie_where_a_sandbox_can_see_them() {
    assert_eq!(problems("[sandbox]\npackages = \"lib\""), ["sandbox.packages: lib must be an absolute path"]);
    assert_eq!(
        problems("[sandbox]\npackages = \"/tmp/lib\""),
        ["sandbox.packages: /tmp/lib lies in /tmp, which in a sandbox is its own; choose another place"]
    );
    assert_eq!(load_file("[sandbox]\npackages = \"/srv/lib\"").unwrap().config.server.sandbox.packages, Some(PathBuf::from("/srv/lib")));
}

#[test]
fn runtimes_are_tables_of_their_own() {
    let text = "[runtimes.security]\nimage = \"zona/runtime-security:1\"\npackages = \"/opt/zona/security\"\n[runtimes.old]\npython = \"/usr/bin/python3.9\"\n";
    let runtimes = load_file(text).unwrap().config.server.runtimes;
    let shown: Vec<_> =
        runtimes.iter().map(|(name, runtime)| (name.as_str(), runtime.image.as_deref(), runtime.packages.is_some())).collect();
    assert_eq!(shown, [("old", None, false), ("security", Some("zona/runtime-security:1"), true)]);
    let printed = load_file(text).unwrap().print();
    assert_eq!(load_file(&printed).unwrap().config.server.runtimes, runtimes, "{printed}");
    assert_eq!(problems("runtimes = 3"), ["runtimes: is a section, not a value"],);
}

#[test]
fn every_problem_of_every_runtime_is_reported() {
    let text = "[sandbox]\nbackend = \"docker\"\n[runtimes.\"Has Spaces\"]\nimage = \"x\"\n[runtimes.python]\nimage = \"x\"\n\
                [runtimes.a]\npackages = \"/srv/a\"\n[runtimes.b]\nimage = \"x\"\npackages = \"relative\"\npip = true\n";
    assert_eq!(
        problems(text),
        [
            "runtimes.Has Spaces: a runtime has a name of 1 to 32 lower-case letters, digits and hyphens",
            "runtimes.a.image: is missing: the docker backend needs it",
            "runtimes.b.packages: relative must be an absolute path",
            "runtimes.b.pip: is unknown; a runtime has image, python, packages",
            "runtimes.python: is the default runtime: it is set by `sandbox.image`, `sandbox.python` and `sandbox.packages`",
        ]
    );
    assert_eq!(
        problems("[runtimes.a]\nimage = \"x\""),
        ["runtimes.a.packages: is missing: without it this is the default runtime once more"]
    );
}

#[test]
fn tenants_have_shares_of_their_own() {
    let text = "[executions]\nmax_queued_per_tenant = 7\n[tenants.acme]\nweight = 2\nmax_running = 8\n[tenants.beta-2]\nmax_queued = 100\n";
    let admission = load_file(text).unwrap().config.server.admission;
    let share = |name: &str| {
        let Share { weight, max_running, max_queued } = admission.share(&TenantId::parse("tenant", name).unwrap());
        (weight, max_running, max_queued)
    };
    assert_eq!((share("acme"), share("beta-2"), share("other")), ((2, 8, 7), (1, 32, 100), (1, 32, 7)));
}

#[test]
fn every_problem_of_every_tenant_is_reported() {
    let text = "[tenants.ACME]\nweight = 2\n[tenants.beta]\nweight = 0\nmax_running = 0\nmax_queue = 3\n[tenants.gamma]\nweight = 1001\n";
    let found = problems(text);
    let keys: Vec<&str> = found.iter().filter_map(|problem| Some(problem.split_once(": ")?.0)).collect();
    assert_eq!(keys, ["tenants.ACME", "tenants.beta.max_queue", "tenants.beta.max_running", "tenants.beta.weight", "tenants.gamma.weight"]);
    assert_eq!(problems("tenants = 3"), ["tenants: is a section, not a value"]);
}

#[test]
fn what_is_printed_can_be_used_as_a_file() {
    let first = load_file("[executions]\nkeep = \"1h\"\n[tenants.acme]\nweight = 3").unwrap().print();
    let second = load_file(&first).unwrap().print();
    let values = |text: &str| text.lines().map(|line| line.split("  #").next().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&first), values(&second));
}

/// The table of an issuer with these keys beside those that each has.
fn issuer(name: &str, keys: &str) -> String {
    format!(
        "[identity.issuers.{name}]\nissuer = \"https://{name}.example\"\naudience = \"zona\"\nkeys = \"/etc/{name}.jwks\"\n\
         algorithms = \"ES256\"\n{keys}\n"
    )
}

#[test]
fn passwords_never_cost_less_than_the_recommended_least() {
    assert_eq!(
        problems("[identity]\npassword_memory_kib = 19455\npassword_iterations = 1\npassword_parallelism = 0\npassword_checks = 0"),
        [
            "identity.password_checks: must be a whole number from 1 to 256",
            "identity.password_iterations: must be a whole number from 2 to 64",
            "identity.password_memory_kib: must be a whole number from 19456 to 4194304",
            "identity.password_parallelism: must be a whole number from 1 to 64",
        ]
    );
}

#[test]
fn what_is_issued_lasts_as_long_as_is_safe() {
    assert_eq!(
        problems("[identity]\ntoken_lifetime = \"16m\"\nleeway = \"2m\"\nlocal_caller = \"perhaps\"\naudience = \"two words\""),
        [
            "identity.audience: must have at most 256 characters and no spaces",
            "identity.leeway: must be from 0s to 1m",
            "identity.local_caller: must be true or false",
            "identity.token_lifetime: must be from 30s to 15m",
        ]
    );
    assert!(load_file("[identity]\nlocal_caller = true").unwrap().config.server.identity.local_caller);
    assert!(load_file("[identity]\nlocal_caller = \"true\"").unwrap().config.server.identity.local_caller);
    assert!(!load_file("").unwrap().config.server.identity.local_caller);
}

#[test]
fn issuers_speak_for_tenants_that_are_named_and_never_for_the_installation() {
    let text = issuer("one", "tenants = \"acme\"") + &issuer("two", "tenants = \"acme, beta\"\ntenant_claim = \"org\"");
    let issuers = load_file(&text).unwrap().config.server.issuers;
    let shown: Vec<_> =
        issuers.iter().map(|issuer| (issuer.issuer.as_str(), issuer.tenants.len(), issuer.subject_claim.as_str())).collect();
    assert_eq!(shown, [("https://one.example", 1, "sub"), ("https://two.example", 2, "sub")]);
    for (keys, problem) in [
        ("tenants = \"system\"", "tenants: `system` is the installation's own: nobody else speaks for it"),
        ("tenants = \"a, b\"", "tenant_claim: is missing: which of several tenants a token speaks for must be said"),
        ("tenants = \"acme\"\nroles = \"a=admin\"", "roles: and `role_claim` need each other"),
        (
            "tenants = \"acme\"\nrole_claim = \"r\"\nroles = \"a=super_admin\"",
            "roles: \"a=super_admin\" is not of the form theirs=user, theirs=creator or theirs=admin",
        ),
        (
            "tenants = \"acme\"\nsecret = \"x\"",
            "secret: is unknown; an issuer has issuer, audience, keys, ca, algorithms, tenants, \
          tenant_claim, subject_claim, role_claim, roles, token_type, client_id, client_secret_file, scopes, label",
        ),
    ] {
        assert_eq!(problems(&issuer("one", keys)), [format!("identity.issuers.one.{problem}")]);
    }
}

#[test]
fn an_issuer_signs_with_public_keys_that_can_be_had_and_is_named_once() {
    let twice = issuer("one", "tenants = \"acme\"") + &issuer("two", "tenants = \"acme\"").replace("two.example", "one.example");
    assert_eq!(problems(&twice), ["identity.issuers.two.issuer: is the name of another issuer, or Zona's own"]);
    let own = "[identity]\nissuer = \"https://one.example\"\n".to_owned() + &issuer("one", "tenants = \"acme\"");
    assert_eq!(problems(&own), ["identity.issuers.one.issuer: is the name of another issuer, or Zona's own"]);
    let shared = issuer("one", "tenants = \"acme\"").replace("ES256", "ES256, HS256");
    let names = "EdDSA, ES256, ES384, RS256, RS384, RS512, PS256, PS384, PS512";
    assert_eq!(problems(&shared), [format!("identity.issuers.one.algorithms: \"HS256\" is none of {names}")]);
    let clear = issuer("one", "tenants = \"acme\"").replace("/etc/one.jwks", "http://one.example/jwks");
    assert!(problems(&clear)[0].contains("identity.issuers.one.keys: must be an absolute path, https://... or http://127.0.0.1"));
    assert_eq!(
        problems(&issuer("one", "tenants = \"acme\"\nca = \"/ca.pem\"")),
        ["identity.issuers.one.ca: is for keys at an https address"]
    );
    assert_eq!(
        problems(&issuer("ONE", "tenants = \"acme\"")),
        ["identity.issuers.ONE: an issuer has a name of 1 to 32 lower-case letters, digits and hyphens"]
    );
}

#[test]
fn a_server_listens_beyond_the_loopback_interface_only_with_tls() {
    let files = "[tls]\ncertificate = \"/etc/tls.crt\"\nkey = \"/etc/tls.key\"\n";
    let config = load_file(&format!("listen = \"0.0.0.0:7070\"\n{files}")).unwrap().config.server;
    assert!(!config.listening.listen.ip().is_loopback());
    let admin = problems(&format!("admin_listen = \"0.0.0.0:7071\"\n{files}"));
    assert!(admin[0].starts_with("admin_listen: 0.0.0.0:7071 is not a loopback address, and the admin port has no TLS"), "{admin:?}");
}

#[test]
fn a_server_that_others_reach_takes_nobody_for_the_local_caller() {
    let files = "[tls]\ncertificate = \"/etc/tls.crt\"\nkey = \"/etc/tls.key\"\n[identity]\nlocal_caller = true\n";
    let found = problems(&format!("listen = \"0.0.0.0:7070\"\n{files}"));
    assert!(found.len() == 1 && found[0].starts_with("identity.local_caller: is true") && found[0].contains("0.0.0.0:7070"), "{found:?}");
    assert!(load_file(&format!("listen = \"[::1]:7070\"\n{files}")).unwrap().config.server.identity.local_caller);
}

#[test]
fn a_certificate_and_its_key_need_each_other() {
    for (keys, problem) in [
        ("certificate = \"/c\"", "tls.key: is missing: a certificate is of no use without its key"),
        ("key = \"/k\"", "tls.certificate: is missing: a key is of no use without its certificate"),
        ("client_ca = \"/a\"", "tls.certificate: is missing: clients show certificates only to a server that has one"),
    ] {
        assert_eq!(problems(&format!("[tls]\n{keys}\n")), [problem]);
    }
}

#[test]
fn certificates_of_others_are_about_service_accounts_and_each_means_one() {
    let table =
        |name: &str, uri: &str, account: &str| format!("[identity.certificates.{name}]\nuri = \"{uri}\"\naccount = \"{account}\"\n");
    let ci = "tenants/acme/serviceAccounts/ci";
    let read = load_file(&table("ci", "spiffe://a/ci", ci)).unwrap().config.server.certificates;
    assert_eq!(read.iter().map(|(uri, account)| (uri.as_str(), account.as_str())).collect::<Vec<_>>(), [("spiffe://a/ci", ci)]);
    assert_eq!(
        problems(&table("ann", "spiffe://a/ann", "tenants/acme/users/ann")),
        ["identity.certificates.ann.account: \"tenants/acme/users/ann\" is not of the form tenants/{tenant}/serviceAccounts/{account}"]
    );
    let twice = table("one", "spiffe://a/ci", ci) + &table("two", "spiffe://a/ci", ci);
    assert_eq!(problems(&twice), ["identity.certificates.two.uri: is the URI of another certificate"]);
}

#[test]
fn a_server_may_be_named_without_a_scheme() {
    assert_eq!(load_file("server = \"127.0.0.1:9\"").unwrap().config.client.server.as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(load_file("server = \"https://zona.example\"").unwrap().config.client.server.as_deref(), Some("https://zona.example"));
    assert_eq!(problems("server = \"ftp://zona.example\""), ["server: must be of the form http://host:port or https://host:port"]);
    assert_eq!(
        problems("otlp.endpoint = \"https://zona.example\""),
        ["otlp.endpoint: must be of the form http://host:port: there is no TLS"]
    );
}

/// Each documented key with a value that it takes.
const EVERYTHING: &str = r#"
server = "http://127.0.0.1:7070"
tenant = "demo"
context = "ann@demo"
api_key_file = "/run/secrets/zona"
ca = "/etc/zona/ca.pem"
output = "json"
listen = "127.0.0.1:7070"
admin_listen = "127.0.0.1:7071"
admin_names = "metrics.internal, zona"
max_connections = 10
data = "/srv/zona"
advisories = "/srv/advisories"
gateway = { listen = "127.0.0.1:7080", origins = "https://zona.example, http://127.0.0.1:5173", public_address = "https://zona.example" }
tls = { certificate = "/etc/zona/tls.crt", key = "/etc/zona/tls.key", client_ca = "/etc/zona/clients.pem" }
log = { filter = "info", format = "json" }
otlp.endpoint = "http://127.0.0.1:4317"
cache = { max_bytes = 0, redis = "rediss://a:1,rediss://b:2", redis_user = "zona", redis_password_file = "/run/secrets/redis", redis_ca = "/etc/zona/redis.pem" }
limits = { reads = 1, writes = 2, executions = 0, servers = 3 }
runtimes.security = { image = "zona/security:1", python = "/usr/bin/python3", packages = "/srv/security" }
tenants.acme = { weight = 2, max_running = 3, max_queued = 4 }

[sandbox]
backend = "docker"
python = "/usr/bin/python3"
packages = "/srv/packages"
image = "zona/runtime-python:3.11"
apparmor = "zona-sandbox"
container_runtime = "runsc"
docker_socket = "/var/run/docker.sock"
warm = 1
max_warm = 2
memory_reserve = 0
ready_children = 1
children = "restored"
max_sandboxes = 3
idle = "1m"
max_age = "1h"
max_executions = 5
first_uid = 300000
last_uid = 300010
runtime_directory = "/run/zona"

[identity]
local_caller = false
issuer = "https://zona.example"
audience = "zona"
token_lifetime = "5m"
session_lifetime = "8h"
browser_session_lifetime = "2h"
leeway = "1s"
rotate_keys_after = "7d"
password_memory_kib = 65536
password_iterations = 3
password_parallelism = 2
password_checks = 4

[audit]
witnesses = "witness.example+0080fed4+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
record_singly = "UtilityService/ListUtilities"

[events]
keep = "3d"
max_per_tenant = 50000

[webhooks]
attempts = 5
first_pause = "1s"
keep = "60d"
timeout = "5s"
networks = "10.1.0.0/16, 127.0.0.0/8"
ca = "/etc/zona/receivers.pem"

[store]
mongodb = "mongodb://db.example/?tls=true"
mongodb_database = "zona-2"
mongodb_user_file = "/etc/zona/mongodb-user"
mongodb_password_file = "/etc/zona/mongodb-password"
mongodb_connections = 32
mongodb_secondaries = true
embedded = false
readers = 2
deadline = "1s"

[blobs]
url = "s3://zona/output"
endpoint = "https://s3.example"
region = "eu-central-1"
credentials = "/etc/zona/s3"
profile = "zona"
ca = "/etc/zona/s3.pem"

[keys]
directory = "/srv/zona-keys"
kek_file = "/etc/zona/kek"
protection = "aws-kms"
aws_key = "alias/zona"
aws_region = "eu-central-1"
aws_endpoint = "https://kms.eu-central-1.example"
aws_credentials = "/etc/zona/aws"
aws_profile = "zona"
vault_address = "https://vault.example:8200"
vault_mount = "keys"
vault_key = "zona"
vault_token_file = "/etc/zona/vault-token"
ca = "/etc/zona/kms.pem"

[identity.issuers.corporate]
issuer = "https://id.example/realm"
audience = "zona"
keys = "https://id.example/realm/jwks.json"
ca = "/etc/zona/corporate.pem"
algorithms = "ES256, RS256"
tenants = "acme, umbrella"
tenant_claim = "org"
subject_claim = "preferred_username"
role_claim = "realm_access.roles"
roles = "zona-users=user, zona-admins=admin"
token_type = "JWT"
client_id = "zona-console"
client_secret_file = "/etc/zona/corporate.secret"
scopes = "openid profile"
label = "Corporate"

[identity.certificates.nightly]
uri = "spiffe://example.org/ns/jobs/sa/nightly"
account = "tenants/acme/serviceAccounts/nightly"

[engine]
kind = "docker"
socket = "/run/docker.sock"
secrets = "/etc/zona/services"
corrects = false

[executions]
max_running = 1
max_running_per_tenant = 1
max_queued = 1
max_queued_per_tenant = 1
drain = "1s"
keep = "1h"
max_output_bytes = 1048576
"#;

#[test]
fn every_key_can_be_set() {
    let loaded = load_file(EVERYTHING).map_err(|Problems(problems)| problems).unwrap();
    assert_eq!(loaded.config.server.sandbox.apparmor.as_deref(), Some("zona-sandbox"));
    let printed = loaded.print();
    let keys: Vec<&str> = printed.lines().filter(|line| !line.is_empty() && !line.starts_with('[')).collect();
    assert_eq!(keys.len(), schema().keys().len(), "{printed}");
    for line in keys {
        assert!(line.ends_with("zona.toml"), "{line}");
    }
}

/// Around the generated part of docs/operations.md.
const BEGIN: &str = "<!-- The settings: `cargo xtask settings` writes this table from their declarations. -->\n\n";
const END: &str = "\n<!-- End of the settings. -->\n";

#[test]
fn the_table_of_settings_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let current = format!("{before}{BEGIN}{}{END}{after}", schema().table());
    if std::env::var_os("WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, &current).unwrap();
    } else {
        assert!(document == current, "the table of settings in docs/operations.md is old: run `cargo xtask settings`");
    }
}

#[test]
fn a_redis_is_named_without_secrets_and_in_plain_text_on_this_machine_only() {
    let cache = |text: &str| problems(&format!("[cache]\n{text}\n"));
    let refused = |address: &str, problem: &str| assert_eq!(cache(&format!("redis = \"{address}\"")), [format!("cache.redis: {problem}")]);
    refused("cache.example.org:6379", "must begin with redis:// or rediss://, in front of each node");
    refused("rediss://ann:hunter2@cache.example.org", "must hold neither user nor password: they are settings of their own");
    refused("redis://cache.example.org", "must begin with rediss://: nothing leaves this machine in plain text");
    assert_eq!(cache("redis = \"redis://127.0.0.1\"\nredis_user = \"zona\""), ["cache.redis_user: needs `cache.redis_password_file`"]);
    let config = load_file("[cache]\nredis = \"rediss://a:1,rediss://b:2\"\n").unwrap().config.server;
    assert_eq!(config.cache.redis.unwrap().to_string(), "rediss://a:1,rediss://b:2");
    assert_eq!(load_file("").unwrap().config.server.cache.redis, None);
    assert_eq!(problems("[limits]\nreads = 1000001\nservers = 0\n").len(), 2);
    let shared = "[store]\nmongodb = \"mongodb://127.0.0.1/\"\n[cache]\nredis = \"redis://127.0.0.1:6379\"\n[limits]\nreads = 5\n";
    let [missing] = problems(shared).try_into().unwrap();
    assert!(missing.starts_with("limits.servers: is missing"), "{missing}");
    assert!(load_file(&format!("{shared}servers = 3\n")).is_ok());
}
