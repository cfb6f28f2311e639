//! Who calls. Until identity exists, all that is known is whether the connection comes from this host.

use domain::access::Caller;
use domain::name::PrincipalName;
use http::Extensions;
use tonic::transport::server::TcpConnectInfo;

/// The caller of a connection; one whose address is not known is a stranger.
pub(crate) fn identify(extensions: &Extensions, local_principal: &PrincipalName) -> Caller {
    let address = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    // An IPv4 peer of a dual-stack socket shows up inside an IPv6 address.
    let local = address.is_some_and(|address| address.ip().to_canonical().is_loopback());
    Caller { principal: local_principal.clone(), local }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_local(address: Option<&str>) -> bool {
        let mut extensions = Extensions::new();
        let remote_addr = address.map(|address| address.parse().unwrap());
        extensions.insert(TcpConnectInfo { local_addr: None, remote_addr });
        let principal = PrincipalName::parse("principal", "tenants/demo/users/local").unwrap();
        identify(&extensions, &principal).local
    }

    #[test]
    fn only_loopback_addresses_are_local() {
        for local in ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local(Some(local)), "{local}");
        }
        for foreign in ["192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1", "0.0.0.0:1"] {
            assert!(!is_local(Some(foreign)), "{foreign}");
        }
        assert!(!is_local(None));
    }
}
