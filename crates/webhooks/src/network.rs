//! Which addresses may be reached: those of the public internet that are not this machine's, and those that an operator names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Where machines of Azure ask about themselves: it answers no others, and is one of the public internet by its number alone.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Addresses with the same beginning, as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// Addresses beyond the public internet that may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

/// What is no network.
#[derive(Debug, thiserror::Error)]
#[error("must be an address and the length of its beginning, such as 10.1.0.0/16")]
pub struct Malformed;

// === impls ===

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let (own, other, bits) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        // A length of 0 would shift by all bits of the widest.
        let differing = own ^ other;
        differing.checked_shr(bits - u32::from(self.length)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (address, length) = text.split_once('/').ok_or(Malformed)?;
        let address: IpAddr = address.parse().map_err(|_no_address| Malformed)?;
        let length: u8 = length.parse().map_err(|_no_number| Malformed)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if length > longest { Err(Malformed) } else { Ok(Network { address, length }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl From<Vec<Network>> for Networks {
    fn from(networks: Vec<Network>) -> Self {
        Networks(networks)
    }
}

impl Networks {
    /// Whether anything may be sent to an address, unless it is one of this machine.
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        is_public(address.to_canonical()) || self.name(address)
    }

    /// Whether an operator has named an address, which admits this machine, too.
    pub(crate) fn name(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }
}

/// Whether an address is of the public internet: of none of the special registries (RFC 6890 and what came to them), and no form of one
/// that is.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..128).contains(&b),
        168 => address == AZURE,
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => matches!((b, c), (0, 0 | 2) | (88, 99) | (168, _)),
        198 => matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let part = address.segments();
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match part[0] {
        // What was translated from an IPv4 address is public as far as that is (RFC 6052); nothing else here is.
        0x0064 if part[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => embedded(part[6], part[7]),
        // Teredo, benchmarks, ORCHID and documentation.
        0x2001 => !matches!(part[1], 0..=0x01ff | 0x0db8),
        // 6to4.
        0x2002 => embedded(part[1], part[2]),
        0x3fff => part[1] >= 0x1000,
        0x2000..=0x3ffe => true,
        _ => false,
    }
}
