//! Addresses of receivers: which may be named at all, and where the name leads to now.

use std::io;
use std::net::{IpAddr, SocketAddr};

use http::Uri;
use tokio::net::lookup_host;

use crate::network::Networks;

/// Where an event is sent to.
pub(crate) struct Address {
    uri: Uri,
    /// Over TLS.
    pub(crate) encrypted: bool,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str, networks: &Networks) -> Result<Self, String> {
        const FORM: &str = "must be an address such as https://hooks.example.org/zona";
        let uri: Uri = text.parse().map_err(|_no_address| FORM.to_owned())?;
        if uri.host().is_none_or(str::is_empty) || text.contains(['#', '@', '\\']) || text.chars().any(char::is_whitespace) {
            return Err(format!("{FORM}, without a user name or a fragment"));
        }
        let address = Address { encrypted: uri.scheme_str() == Some("https"), uri };
        let literal = address.host().parse::<IpAddr>().ok();
        match (address.uri.scheme_str(), literal) {
            (Some("https"), _) => {}
            (Some("http"), Some(ip)) if ip.is_loopback() => {}
            (Some("http"), _) => return Err("must be https; http is for 127.0.0.1 and [::1] only".to_owned()),
            _ => return Err(FORM.to_owned()),
        }
        match literal {
            Some(ip) if !networks.admit(ip) => Err(refused(ip)),
            _ => Ok(address),
        }
    }

    /// Host and port as they were named.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    /// The host without brackets.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// What is asked for.
    pub(crate) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// Where the name leads to now. All of it must be admitted: who controls a name could otherwise lead to whatever comes second.
    pub(crate) async fn resolve(&self, networks: &Networks) -> Result<Vec<SocketAddr>, String> {
        let port = self.uri.port_u16().unwrap_or(if self.encrypted { 443 } else { 80 });
        let unknown = |error: io::Error| format!("the name is not known: {}", error.kind());
        let found: Vec<SocketAddr> = lookup_host((self.host(), port)).await.map_err(unknown)?.collect();
        match found.iter().find(|address| !networks.admit(address.ip())) {
            Some(address) => Err(refused(address.ip())),
            None if found.is_empty() => Err("the name leads nowhere".to_owned()),
            None => Ok(found),
        }
    }
}

fn refused(ip: IpAddr) -> String {
    format!("leads to {ip}, which is not of the public internet; an operator may admit it by `webhooks.networks`")
}
