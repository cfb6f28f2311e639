//! `[gateway]`: where JSON over HTTP is served, which pages may ask there, and under which address browsers know it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gateway::{Origin, SignIn};
use settings::{Place, section, value};

use super::listening::optional_encrypted_or_loopback;

/// Where `zona dev` serves JSON over HTTP.
pub const DEFAULT_GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7080);

section! {
    /// JSON over HTTP.
    pub struct Gateway in Place::table("gateway");

    /// JSON over HTTP, gRPC-Web and the Connect protocol; beyond the loopback interface only with `tls.certificate`; port 0 takes a free
    /// one, and empty serves none. See [Gateway](gateway.md)
    listen: Option<SocketAddr>, shown "none; `127.0.0.1:7080` in `zona dev`" => optional_encrypted_or_loopback;
    /// origins whose pages may ask, beside the gateway's own, separated by commas, such as `https://zona.example`; in plain text the gateway
    /// answers to the names of their hosts, too
    origins: Option<Vec<Origin>> => value::optional(origins);
    /// the address of the console as browsers know it, such as `https://zona.example`: issuers at whose page people sign in send them back there;
    /// no request says it
    public_address: Option<Origin> => value::optional(str::parse);
}

// === impl Gateway ===

impl Gateway {
    /// How the gateway is configured, before which there is TLS or not, and how people sign in elsewhere.
    pub(crate) fn config(&self, is_encrypted: bool, sign_in: Option<SignIn>) -> gateway::Config {
        gateway::Config { origins: self.origins.clone().unwrap_or_default(), is_encrypted, sign_in }
    }
}

fn origins(text: &str) -> Result<Vec<Origin>, String> {
    text.split(',').map(|origin| origin.trim().parse()).collect()
}
