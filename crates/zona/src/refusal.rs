//! Errors of the domain and of a server that does not start, as the person at the terminal reads them.

use std::io;

use cli::failure::chain;
use cli::{Exit, Failure};
use domain::ErrorKind as Kind;
use server::{Error, StoreTrouble};

/// A rule of the domain that a local tool applies itself.
pub fn refused(error: domain::Error) -> Failure {
    let exit = match error.kind() {
        Kind::Invalid | Kind::OutOfRange => Exit::Usage,
        Kind::Unauthenticated | Kind::Denied => Exit::Denied,
        Kind::NotFound => Exit::NotFound,
        Kind::AlreadyExists | Kind::Precondition | Kind::Stale => Exit::Conflict,
        Kind::Exhausted | Kind::Unavailable | Kind::Internal => Exit::Unavailable,
    };
    let failure = Failure::new(exit, chain(&error));
    match error {
        domain::Error::Invalid(violations) => {
            failure.violations(violations.into_iter().map(|violation| (violation.field, violation.description)))
        }
        error => failure.reason(error.reason()),
    }
}

/// Why a server does not start, with what to change.
pub fn not_started(error: Error) -> Failure {
    let text = chain(&error);
    match error {
        Error::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => Failure::new(Exit::Conflict, text).hint(format!(
            "another program has port {}; is a server running already? `--listen 127.0.0.1:0` takes a free port",
            address.port()
        )),
        error if error.is_in_use() => Failure::new(Exit::Conflict, text),
        Error::Shared(_) => refused_by_store(error.store_trouble(), text),
        Error::NotShared => Failure::usage(text),
        Error::Sandbox(_) => Failure::new(Exit::Unavailable, text).hint("`zona doctor` says what this host lacks"),
        Error::Telemetry(_)
        | Error::Advisories(_)
        | Error::Tls(_)
        | Error::Receivers(_)
        | Error::WrappingKey(_)
        | Error::Redis(_)
        | Error::RedisPassword { .. } => Failure::usage(text),
        _ => Failure::new(Exit::Unavailable, text),
    }
}

/// Why a database does not serve as the store, with what to change.
fn refused_by_store(trouble: Option<StoreTrouble>, text: String) -> Failure {
    match trouble {
        Some(StoreTrouble::Settings) => Failure::usage(text),
        Some(StoreTrouble::Content) => Failure::new(Exit::Conflict, text),
        Some(StoreTrouble::User) => Failure::new(Exit::Denied, text).hint(
            "name and password are in the files of `store.mongodb_user_file` and `store.mongodb_password_file`; in which database the \
             user is, `authSource` in `store.mongodb` says",
        ),
        Some(StoreTrouble::Away) | None => Failure::new(Exit::Unavailable, text),
    }
}

#[cfg(test)]
mod tests {
    use cli::client::names::{self, Tenant};
    use domain::name::{ExecutionId, ExecutionName, RuntimeName, TenantId, UtilityId, UtilityName};

    use super::*;

    /// What a person types, read by the client and by the domain: both accept it, or both refuse it in the same words.
    fn check<T: ToString>(text: &str, client: Result<String, Failure>, domain: Result<T, domain::Error>) {
        let client = client.map_err(|failure| failure.to_string());
        let domain = domain.map(|name| name.to_string()).map_err(|error| refused(error).to_string());
        assert_eq!(client, domain, "{text:?}");
    }

    #[test]
    fn names_are_refused_in_the_words_of_the_server() {
        let (ours, theirs) = (Tenant::parse("acme").unwrap(), TenantId::parse("NAME", "acme").unwrap());
        let long = "x".repeat(65);
        let uuid = "0197a0b0-0000-7000-8000-0000000000aa";
        let parts =
            ["a-b", "", "A", "a-", "9a", "a_b", "x/y", "/", long.as_str(), &long[..63], &long[..64], &long[..32], &long[..33], uuid];
        let kinds = ["utilities", "executions", "runtimes", "codePolicy"];
        let full = |kind: &str, tenant: &str, part: &str| format!("tenants/{tenant}/{kind}/{part}");
        let names = kinds.iter().flat_map(|kind| parts.iter().flat_map(move |part| [full(kind, "other", part), full(kind, part, "x")]));
        for text in parts.iter().map(|part| (*part).to_owned()).chain(names) {
            let bare = !text.contains('/');
            let utility = || match bare {
                true => Ok(UtilityName { tenant: theirs.clone(), utility: UtilityId::parse("NAME", &text)? }),
                false => UtilityName::parse("NAME", &text),
            };
            let execution = || match bare {
                true => Ok(ExecutionName { tenant: theirs.clone(), execution: ExecutionId::parse("NAME", &text)? }),
                false => ExecutionName::parse("NAME", &text),
            };
            let runtime = if bare { format!("tenants/acme/runtimes/{text}") } else { text.clone() };
            check(&text, names::utility(&ours, &text).map(|name| name.to_string()), utility());
            check(&text, names::execution(&ours, &text), execution());
            check(&text, names::runtime(&ours, &text), RuntimeName::parse("NAME", &runtime));
            let tenant = Tenant::parse(&text).map(|tenant| tenant.to_string());
            check(
                &text,
                tenant.map_err(|rule| Failure::usage("the request is invalid").violations([("NAME".to_owned(), rule)])),
                TenantId::parse("NAME", &text),
            );
        }
    }

    #[test]
    fn a_call_takes_as_many_values_as_the_server() {
        assert_eq!(cli::command::MAX_CALL_VALUES, domain::execution::MAX_VALUES);
    }
}
