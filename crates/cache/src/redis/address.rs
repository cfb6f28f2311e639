//! Where Redis is, as operators write it: `redis://host:port`, `rediss://host:port` with TLS, each with a database behind a slash, or
//! several of them, separated by commas: nodes of a cluster. User and password do not stand in it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The port where none is named.
const PORT: u16 = 6_379;
/// Databases that a Redis has, unless it is told otherwise.
const MAX_DATABASE: u8 = 15;
/// Nodes that are named: the others are heard of from them.
const MAX_NODES: usize = 64;

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    nodes: Vec<(String, u16)>,
    is_encrypted: bool,
    is_cluster: bool,
    database: Option<u8>,
}

/// Why a text is no such address. It quotes nothing of it: a password may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins otherwise.
    #[error("must begin with redis:// or rediss://, in front of each node")]
    Scheme,
    /// Somebody's name is in it.
    #[error("must hold neither user nor password: they are settings of their own")]
    Credentials,
    /// A node is not to be understood.
    #[error("must be redis://HOST:PORT, or rediss:// with TLS")]
    Node,
    /// The database is none.
    #[error("may end with a database from /0 to /15, and with nothing else; a cluster has none")]
    Database,
    /// Some nodes with TLS, some without.
    #[error("must begin alike for all nodes")]
    Mixed,
    /// There are too many.
    #[error("must name at most 64 nodes")]
    TooMany,
    /// What is sent would go through a network in plain text.
    #[error("must begin with rediss://: nothing leaves this machine in plain text")]
    PlainText,
}

impl Address {
    /// Hosts and ports.
    pub fn nodes(&self) -> &[(String, u16)] {
        &self.nodes
    }

    /// Whether it speaks TLS.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    pub(crate) fn database(&self) -> Option<u8> {
        self.database
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let nodes: Vec<Node> = text.split(',').map(|node| node.trim().parse()).collect::<Result<_, _>>()?;
        let is_encrypted = nodes.first().is_some_and(|node| node.is_encrypted);
        let is_cluster = nodes.len() > 1;
        let database = nodes.first().and_then(|node| node.database);
        if nodes.len() > MAX_NODES {
            return Err(AddressError::TooMany);
        }
        if nodes.iter().any(|node| node.is_encrypted != is_encrypted) {
            return Err(AddressError::Mixed);
        }
        if is_cluster && nodes.iter().any(|node| node.database.is_some()) {
            return Err(AddressError::Database);
        }
        if !is_encrypted && !nodes.iter().all(|node| is_this_machine(&node.host)) {
            return Err(AddressError::PlainText);
        }
        let nodes = nodes.into_iter().map(|node| (node.host, node.port)).collect();
        Ok(Address { nodes, is_encrypted, is_cluster, database })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        for (index, (host, port)) in self.nodes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host.parse::<Ipv6Addr>() {
                Ok(host) => write!(formatter, "{comma}{scheme}://[{host}]:{port}")?,
                Err(_) => write!(formatter, "{comma}{scheme}://{host}:{port}")?,
            }
        }
        self.database.map_or(Ok(()), |database| write!(formatter, "/{database}"))
    }
}

struct Node {
    host: String,
    port: u16,
    is_encrypted: bool,
    database: Option<u8>,
}

impl FromStr for Node {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let is_encrypted = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains('@') {
            return Err(AddressError::Credentials);
        }
        let (place, database) = rest.split_once('/').map_or((rest, None), |(place, database)| (place, Some(database)));
        let database = match database {
            None | Some("") => None,
            Some(number) => Some(number.parse().ok().filter(|number| *number <= MAX_DATABASE).ok_or(AddressError::Database)?),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(place) => place.split_once(']').ok_or(AddressError::Node)?,
            None => place.find(':').map_or((place, ""), |colon| place.split_at(colon)),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => PORT,
            None => return Err(AddressError::Node),
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(AddressError::Node)?,
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_one = !host.is_empty() && host.len() <= 253 && host.bytes().all(is_host);
        is_one.then(|| Node { host: host.to_owned(), port, is_encrypted, database }).ok_or(AddressError::Node)
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, AddressError>) {
        let address = text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(address.as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn an_address_is_one_server_or_the_nodes_of_a_cluster() {
        check("redis://127.0.0.1:7001", Ok("redis://127.0.0.1:7001"));
        check("redis://localhost", Ok("redis://localhost:6379"));
        check("redis://[::1]:7001/3", Ok("redis://[::1]:7001/3"));
        check("rediss://cache.example.org/", Ok("rediss://cache.example.org:6379"));
        let cluster: Address = "rediss://a:1, rediss://b:2".parse().unwrap();
        assert!(cluster.is_cluster() && cluster.is_encrypted());
        assert_eq!(cluster.to_string(), "rediss://a:1,rediss://b:2");
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_quoted() {
        check("127.0.0.1:6379", Err(AddressError::Scheme));
        check("http://127.0.0.1", Err(AddressError::Scheme));
        check("redis://ann:hunter2@127.0.0.1", Err(AddressError::Credentials));
        check("redis://127.0.0.1:0", Err(AddressError::Node));
        check("redis://127.0.0.1:70000", Err(AddressError::Node));
        check("redis://[::1", Err(AddressError::Node));
        check("redis://", Err(AddressError::Node));
        check("redis://127.0.0.1/16", Err(AddressError::Database));
        check("redis://127.0.0.1/1?x", Err(AddressError::Database));
        check("redis://127.0.0.1,redis://127.0.0.2/1", Err(AddressError::Database));
        check("redis://127.0.0.1,rediss://127.0.0.2", Err(AddressError::Mixed));
        check("redis://cache.example.org", Err(AddressError::PlainText));
        check("redis://10.0.0.1", Err(AddressError::PlainText));
        check(&vec!["rediss://a"; 65].join(","), Err(AddressError::TooMany));
    }
}
