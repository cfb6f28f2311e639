//! Addresses of servers: when two are the same place, and whether what is sent there stays on this machine.

use std::net::IpAddr;

use tonic::codegen::http::Uri;

use crate::failure::{Failure, Result};

/// The ports of addresses that name none.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// Whether two addresses are the same place, reached in the same way, however they are spelled. A name is never taken for the address
/// that it leads to.
pub fn same(one: &str, other: &str) -> bool {
    let read = |server: &str| Some((place(&server.parse().ok()?)?, is_encrypted(server)));
    matches!((read(one), read(other)), (Some(one), Some(other)) if one == other)
}

/// Whether what is sent there is encrypted on the way.
pub fn is_encrypted(server: &str) -> bool {
    server.parse::<Uri>().is_ok_and(|address| address.scheme_str() == Some("https"))
}

/// Whether whoever answers there is on this machine.
pub fn is_here(server: &str) -> bool {
    server.parse().ok().as_ref().and_then(place).is_some_and(|(host, _)| is_loopback(&host))
}

/// Refuses to send passwords, or what proves who calls, where others could read it: beyond this machine only TLS keeps it.
///
/// # Errors
/// The address leads elsewhere, in plain text.
pub fn keeps_secrets(server: &str) -> Result<()> {
    match server.parse().ok().as_ref().and_then(place) {
        Some(_) if is_encrypted(server) || is_here(server) => Ok(()),
        found => {
            let host = found.map_or_else(|| server.to_owned(), |(host, _)| host);
            Err(Failure::usage(format!("{host} is not this machine: passwords, keys and tokens would go there in plain text")).hint(
                "nothing was sent; use --server https://..., or lead a port of this machine there, e.g. `ssh -N -L 7070:127.0.0.1:7070 \
                 HOST`, and use --server http://127.0.0.1:7070",
            ))
        }
    }
}

/// Host, as it is spelled but for its case, and port.
pub(super) fn place(address: &Uri) -> Option<(String, u16)> {
    let host = address.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let usual = if address.scheme_str() == Some("https") { HTTPS } else { HTTP };
    Some((host, address.port_u16().unwrap_or(usual)))
}

/// An IPv4 address inside an IPv6 one counts as what it is. Of names only the one that always means this machine does (RFC 6761).
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_on_this_machine_or_are_encrypted() {
        for here in [
            "http://127.0.0.1:7070",
            "http://[::1]:7070",
            "http://localhost",
            "http://LOCALHOST:1",
            "http://127.8.9.1",
            "http://[::ffff:127.0.0.1]:1",
            "https://zona.example",
            "https://10.0.0.1:7070",
        ] {
            assert!(keeps_secrets(here).is_ok(), "{here}");
        }
        for elsewhere in [
            "http://10.0.0.1:7070",
            "http://0.0.0.0:7070",
            "http://[::]:7070",
            "http://[::ffff:10.0.0.1]:7070",
            "http://localhost.example:7070",
            "http://127.0.0.1.example:7070",
            "http://127.0.0.1:7070@example.com",
            "http://zona.example",
            "http://2130706433:7070",
            "nonsense",
            "https://",
            "ftp://zona.example",
            "",
        ] {
            let failure = keeps_secrets(elsewhere).expect_err(elsewhere);
            assert!(failure.to_string().contains("ssh -N -L"), "{failure}");
        }
    }

    #[test]
    fn an_address_is_the_same_however_it_is_spelled_and_a_name_is_no_address() {
        assert!(same("http://127.0.0.1:7070", "http://127.0.0.1:7070/"));
        assert!(same("http://Zona.example", "http://zona.example:80"));
        assert!(!same("http://127.0.0.1:7070", "http://127.0.0.1:7071"));
        assert!(same("https://zona.example", "https://ZONA.example:443/"));
        assert!(!same("https://zona.example:7070", "http://zona.example:7070"), "what one keeps, the other shows");
        assert!(!same("http://localhost:7070", "http://127.0.0.1:7070"));
        assert!(!same("not an address", "not an address"));
    }
}
