//! Short forms of ports and volumes.

/// Ports of one service: what a manifest takes. A range is not spread before it is held against this.
pub(super) const MAX_PORTS: usize = 256;

/// A port of a Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    /// Address of the host.
    pub(super) address: Option<String>,
    /// Port of the host: none for any, a range where Compose takes one that is free.
    pub(super) published: Option<(u16, u16)>,
    /// Port in the container.
    pub(super) target: u16,
    /// `tcp`, `udp`, or what else stands there.
    pub(super) protocol: String,
}

/// A volume of a Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    /// Name, path of the host, or nothing for a volume without a name.
    pub(super) source: Option<String>,
    /// Path in the container.
    pub(super) target: String,
    /// Whether it cannot be written to.
    pub(super) read_only: bool,
    /// Options that are left.
    pub(super) options: Vec<String>,
}

/// `[[address:]published:]target[/protocol]`, with ranges. None where it is no such text, or a range of more than [`MAX_PORTS`].
pub(super) fn ports(text: &str) -> Option<Vec<Port>> {
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    // An address of version 6 stands in brackets and has colons of its own.
    let (address, rest) = match rest.strip_prefix('[').and_then(|inside| inside.split_once("]:")) {
        Some((address, rest)) => (Some(address.to_owned()), rest),
        None => match rest.rmatch_indices(':').nth(1) {
            Some((colon, _)) => (Some(rest[..colon].to_owned()), &rest[colon + 1..]),
            None => (None, rest),
        },
    };
    let (published, target) = rest.split_once(':').map_or((None, rest), |(published, target)| (Some(published), target));
    let targets = range(target)?;
    let published = published.filter(|published| !published.is_empty()).map(range);
    let published = match published {
        Some(range) => Some(range?),
        None => None,
    };
    let count = targets.1 - targets.0;
    // A range for one port stays a range: Compose takes one of it.
    let pairs = usize::from(count) < MAX_PORTS && published.is_none_or(|published| published.1 - published.0 == count || count == 0);
    pairs.then(|| {
        (0..=count)
            .map(|index| Port {
                address: address.clone(),
                published: published.map(|published| if count == 0 { published } else { (published.0 + index, published.0 + index) }),
                target: targets.0 + index,
                protocol: protocol.to_ascii_lowercase(),
            })
            .collect()
    })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some((first, last))
}

/// `[source:]target[:options]`. None where it has more parts.
pub(super) fn volume(text: &str) -> Option<Volume> {
    // A letter before a colon is a drive of Windows to Compose, also where it was meant as a name: `v:/x` is a path and no volume `v`.
    let mut parts: Vec<&str> = text.split(':').collect();
    if let [drive, rest, ..] = parts[..]
        && drive.chars().count() == 1
        && drive.starts_with(char::is_alphabetic)
    {
        parts.splice(..2, [&text[..drive.len() + 1 + rest.len()]]);
    }
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some((*source).to_owned()), *target, ""),
        [source, target, options] => (Some((*source).to_owned()), *target, *options),
        _ => return None,
    };
    let options: Vec<String> = options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect();
    let read_only = options.iter().any(|option| option == "ro");
    let options = options.into_iter().filter(|option| option != "ro" && option != "rw").collect();
    (!target.is_empty()).then(|| Volume { source, target: target.to_owned(), read_only, options })
}
