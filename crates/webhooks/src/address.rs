//! Addresses of receivers: which may be named at all, and where the name leads to now.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;

use domain::webhook::Refusal;
use http::Uri;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::network::Networks;

/// How an address looks.
const FORM: &str = "must be an address such as https://hooks.example.org/zona, without a user name or a fragment";
/// What is told of a name that leads nowhere else than inside.
const INSIDE: &str = "leads to an address that is not of the public internet, or to this server's own machine; an operator may admit it by \
     `webhooks.networks`";
/// Names that are looked up at once. A resolver that does not answer holds a thread for longer than an attempt lasts.
const LOOKED_UP_AT_ONCE: usize = 256;

/// Where an event is sent to.
pub(crate) struct Address {
    uri: Uri,
    /// Over TLS.
    pub(crate) encrypted: bool,
}

/// Looks names up.
pub(crate) struct Resolver {
    places: Arc<Semaphore>,
    /// Whether an address is this machine's.
    is_own: fn(SocketAddr) -> bool,
}

// === impls ===

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str, networks: &Networks) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_no_address| FORM.to_owned())?;
        if uri.host().is_none_or(str::is_empty) || text.contains(['#', '@', '\\']) || text.chars().any(char::is_whitespace) {
            return Err(FORM.to_owned());
        }
        let address = Address { encrypted: uri.scheme_str() == Some("https"), uri };
        if !address.has_port_or_none() {
            return Err("must have a port from 1 to 65535, or none".to_owned());
        }
        let literal = address.host().parse::<IpAddr>().ok();
        match (address.uri.scheme_str(), literal) {
            (Some("https"), _) => {}
            (Some("http"), Some(ip)) if ip.is_loopback() => {}
            (Some("http"), _) => return Err("must be https; http is for 127.0.0.1 and [::1] only".to_owned()),
            _ => return Err(FORM.to_owned()),
        }
        match literal {
            Some(ip) if !networks.admit(ip) => {
                Err(format!("{ip} is not of the public internet; an operator may admit it by `webhooks.networks`"))
            }
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

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.encrypted { 443 } else { 80 })
    }

    /// What is behind the host is a port, and not something that would be passed over.
    fn has_port_or_none(&self) -> bool {
        let behind = self.authority().strip_prefix(self.uri.host().unwrap_or_default()).unwrap_or_default();
        behind.is_empty() || self.uri.port_u16().is_some_and(|port| port > 0)
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver { places: Arc::new(Semaphore::new(LOOKED_UP_AT_ONCE)), is_own }
    }
}

impl Resolver {
    /// Where the name leads to now. All of it must be admitted: who controls a name could otherwise lead to whatever comes second. Where
    /// it leads instead is not told: names of the server's own network are nobody else's to know.
    pub(crate) async fn resolve(&self, address: &Address, networks: &Networks) -> Result<Vec<SocketAddr>, Refusal> {
        let found = match address.host().parse::<IpAddr>() {
            Ok(literal) => vec![SocketAddr::new(literal, address.port())],
            Err(_is_a_name) => self.look_up(address.host().to_owned(), address.port()).await?,
        };
        if found.is_empty() {
            return Err(Refusal::Theirs("the name leads nowhere".to_owned()));
        }
        match found.iter().all(|address| networks.admit(address.ip()) && (networks.name(address.ip()) || !(self.is_own)(*address))) {
            true => Ok(found),
            false => Err(Refusal::Theirs(INSIDE.to_owned())),
        }
    }

    /// Keeps a place for as long as the system keeps the thread, even where nobody waits for it any more. Without a place it is no attempt:
    /// names of others have taken them.
    async fn look_up(&self, host: String, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        let full = |_full| Refusal::Ours(format!("{LOOKED_UP_AT_ONCE} names are being looked up already"));
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let look = move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            drop(place);
            found
        };
        match spawn_blocking(look).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) if is_ours(&error) => Err(Refusal::Ours(format!("names cannot be looked up: {error}"))),
            Ok(Err(error)) => Err(Refusal::Theirs(format!("the name is not known: {}", error.kind()))),
            Err(error) => Err(Refusal::Ours(format!("names cannot be looked up: {error}"))),
        }
    }
}

/// Whether it is this machine that cannot, whoever the receiver is: it has no descriptor left, or no memory.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    // Of the system, and of the process, as every Unix numbers them.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) || error.kind() == io::ErrorKind::OutOfMemory
}

/// Whether an address is this machine's: then it is where connections to it come from. Nothing is sent for that. What is no address of the
/// public internet by its form is refused before; this one is about those that are, which a firewall may close to everybody else. An
/// address that something between this machine and the internet translates to it is not known here.
fn is_own(address: SocketAddr) -> bool {
    let any = match address.ip() {
        IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // Where nobody can be asked, it may be one.
    let Ok(socket) = UdpSocket::bind(any) else { return true };
    // Where there is no way to it, no connection is made either.
    let from = socket.connect(address).and_then(|()| socket.local_addr());
    from.is_ok_and(|from| from.ip().to_canonical() == address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connections_to_it_come_from_is_an_address_of_this_machine() {
        assert!(is_own("127.0.0.1:443".parse().unwrap()));
        assert!(!is_own("192.0.2.1:443".parse().unwrap()));
    }

    #[tokio::test]
    async fn nothing_is_sent_to_this_machine_by_an_address_of_the_public_internet_unless_it_is_named() {
        let resolve = async |is_own: fn(SocketAddr) -> bool, networks: &Networks| {
            let resolver = Resolver { is_own, ..Resolver::default() };
            resolver.resolve(&Address::parse("https://8.8.8.8/hook", networks).unwrap(), networks).await
        };
        let nobody = Networks::default();
        assert_eq!(resolve(|_| false, &nobody).await.unwrap(), [SocketAddr::from(([8, 8, 8, 8], 443))]);
        assert_eq!(resolve(|_| true, &nobody).await.unwrap_err(), Refusal::Theirs(INSIDE.to_owned()));
        let named: Networks = vec!["8.8.8.8/32".parse().unwrap()].into();
        assert_eq!(resolve(|_| true, &named).await.unwrap(), [SocketAddr::from(([8, 8, 8, 8], 443))]);
    }

    #[tokio::test]
    async fn a_name_that_finds_no_place_to_be_looked_up_is_no_attempt() {
        let resolver = Resolver { places: Arc::new(Semaphore::new(0)), ..Resolver::default() };
        let networks = Networks::default();
        let refused = resolver.resolve(&Address::parse("https://localhost/", &networks).unwrap(), &networks).await.unwrap_err();
        assert!(matches!(refused, Refusal::Ours(_)), "{refused:?}");
    }

    #[test]
    fn a_machine_without_descriptors_is_no_fault_of_a_receiver() {
        assert!(is_ours(&io::Error::from_raw_os_error(24)) && is_ours(&io::ErrorKind::OutOfMemory.into()));
        assert!(!is_ours(&io::ErrorKind::ConnectionRefused.into()) && !is_ours(&io::ErrorKind::NetworkUnreachable.into()));
    }
}
