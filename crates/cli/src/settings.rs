//! Settings of client commands.

use std::path::PathBuf;

use settings::{Place, section, value};

use crate::client::names::Tenant;
use crate::contexts;
use crate::output::Format;

/// Where client commands connect to when nothing says otherwise.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7070";

section! {
    /// What client commands are told by the configuration.
    pub struct Client in Place::outside();

    /// where client commands connect to
    server: Option<String>, shown "that of the context, else `http://127.0.0.1:7070`" => value::optional(value::server_address);
    /// tenant of bare ids
    tenant: Option<Tenant>, shown "that of the context, else `demo`" => value::optional(Tenant::parse);
    /// the context whose server and credentials client commands use; see [Signing in](signing-in.md#contexts)
    context: Option<String>, shown "the current one" => value::optional(contexts::name);
    /// a file that holds an API key, which client commands use instead of the credentials of a context
    api_key_file: Option<PathBuf> => value::optional(value::path);
    /// a PEM file with the authority of an `https` server's certificate, which client commands believe and no other; not set: that of
    /// the context, else those that the system trusts
    ca: Option<PathBuf> => value::optional(value::path);
    /// `table`, `json`, `yaml` or `jsonl`
    output: Format = "table" => value::choice(&Format::ALL.map(|format| (format.as_str(), format)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_without_settings_is_well_formed() {
        assert_eq!(value::server_address(DEFAULT_SERVER).as_deref(), Ok(DEFAULT_SERVER));
        assert_eq!(Tenant::parse(Tenant::usual().as_str()), Ok(Tenant::usual()));
    }
}
