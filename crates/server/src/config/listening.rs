//! Where a server serves, and which files are its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use settings::{Place, Reader, section, value};

use super::tls::Tls;

/// Where a server listens unless somebody says otherwise; a test compares these to the declared defaults.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);
/// The same for the operators' port.
pub const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7071);

section! {
    /// Where a server serves, and which files are its own.
    pub struct Listening in Place::outside();

    /// gRPC; beyond the loopback interface only with `tls.certificate`; port 0 takes a free one
    listen: SocketAddr = "127.0.0.1:7070" => encrypted_or_loopback;
    /// admin port; loopback only; port 0 takes a free one
    admin_listen: SocketAddr = "127.0.0.1:7071" => value::text(|text| loopback(text, "the admin port has no TLS", ""));
    /// names by which requests may name the admin port, separated by commas, besides addresses and `localhost`; other names are refused
    admin_names: Option<Vec<String>> => value::optional(names);
    /// connections of the gRPC port that are open at once, and as many of the gateway's; more are refused, and those that are open notice nothing. From one address an
    /// eighth of them, and eight at least; from this machine all
    max_connections: usize = 512 => value::number(1..=1 << 20);
    /// data directory, mode 0700; one server at a time
    data: PathBuf, shown "`$XDG_DATA_HOME/zona` (`~/.local/share/zona`)"
        => value::text(|text| std::path::absolute(text).map_err(|error| error.to_string()));
    /// known vulnerabilities of packages in OSV format: a JSON file (one advisory or a list), or a directory of such files and
    /// directories, as [osv.dev](https://osv.dev) exports them, unpacked; changes are in force within seconds
    advisories: Option<PathBuf> => value::optional(value::path);
}

fn names(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let fits = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if names.iter().all(fits) { Ok(names) } else { Err("must be host names without ports, separated by commas".to_owned()) }
}

/// Where TLS keeps others from reading, any address; else one that nobody else can reach.
fn encrypted_or_loopback(reader: &mut Reader<'_>, key: &str) -> Option<SocketAddr> {
    match Tls::is_wanted(reader) {
        true => value::text(address)(reader, key),
        false => value::text(|text| loopback(text, "there is no TLS", "set `tls.certificate` and `tls.key`, or "))(reader, key),
    }
}

/// The same, or none.
pub(super) fn optional_encrypted_or_loopback(reader: &mut Reader<'_>, key: &str) -> Option<Option<SocketAddr>> {
    match Tls::is_wanted(reader) {
        true => value::optional(address)(reader, key),
        false => value::optional(|text| loopback(text, "there is no TLS", "set `tls.certificate` and `tls.key`, or "))(reader, key),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address with a port, e.g. 127.0.0.1:7070".to_owned())
}

fn loopback(text: &str, unprotected: &str, remedy: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "{address} is not a loopback address, and {unprotected}, so whoever is on the way could read and change everything; \
         {remedy}use 127.0.0.1 or [::1]"
    ))
}
