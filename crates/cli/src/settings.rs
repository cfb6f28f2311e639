//! Settings of client commands.

use settings::{Place, section, value};

use crate::client::names::Tenant;
use crate::context::Context;
use crate::output::{Format, Output};

section! {
    /// What client commands are told by the configuration.
    pub struct Client in Place::outside();

    /// where client commands connect to
    server: String = "http://127.0.0.1:7070" => value::text(value::http_address);
    /// tenant of bare utility and execution ids
    tenant: Tenant = "demo" => value::text(Tenant::parse);
    /// `table`, `json`, `yaml` or `jsonl`
    output: Format = "table" => value::choice(&Format::ALL.map(|format| (format.as_str(), format)));
}

impl From<Client> for Context {
    fn from(client: Client) -> Self {
        Context { server: client.server, tenant: client.tenant, output: Output { format: client.output } }
    }
}
