//! Ports of a Compose file.

use crate::compose::part::{Map, Notes};
use crate::compose::short::{self, MAX_PORTS, Port};
use crate::node::Node;

pub(super) fn ports(node: &Node, at: &str, service: &mut Map, notes: &mut Notes) {
    let (mut list, mut count) = (Vec::new(), 0);
    for (index, item) in node.items().iter().enumerate() {
        let path = format!("{at}[{index}]");
        let ports = match item.scalar() {
            Some(text) => short::ports(text),
            None => long(item, &path, notes),
        };
        count += ports.as_ref().map_or(0, Vec::len);
        if count > MAX_PORTS {
            notes.left_out(&path, item, format!("a service has at most {MAX_PORTS} ports; this one and those after it are left out"));
            break;
        }
        match ports {
            Some(ports) => list.extend(ports.into_iter().filter_map(|port| one(port, item, &path, notes))),
            None => notes.left_out(&path, item, format!("this is no port, or a range of more than {MAX_PORTS}")),
        }
    }
    service.list("ports", list);
}

fn long(item: &Node, path: &str, notes: &mut Notes) -> Option<Vec<Port>> {
    let scalar = |name: &str| item.get(name).and_then(Node::scalar);
    for member in item.members() {
        match member.name.as_str() {
            "target" | "published" | "protocol" | "host_ip" | "name" => {}
            "mode" if member.node.scalar() == Some("ingress") => {}
            "mode" => notes.changed(&format!("{path}.mode"), &member.node, "the engine decides how a port is published"),
            name => notes.left_out(&format!("{path}.{name}"), &member.node, "manifests have nothing like it"),
        }
    }
    let published = scalar("published").map(|published| format!("{published}:")).unwrap_or_default();
    let protocol = scalar("protocol").map(|protocol| format!("/{protocol}")).unwrap_or_default();
    let mut ports = short::ports(&format!("{published}{}{protocol}", scalar("target")?))?;
    ports.iter_mut().for_each(|port| port.address = scalar("host_ip").map(str::to_owned));
    Some(ports)
}

fn one(port: Port, item: &Node, path: &str, notes: &mut Notes) -> Option<Node> {
    if !matches!(port.protocol.as_str(), "tcp" | "udp") {
        notes.left_out(path, item, format!("`{}` is neither tcp nor udp", port.protocol));
        return None;
    }
    if let Some(address) = port.address.filter(|address| address != "0.0.0.0") {
        notes.changed(
            path,
            item,
            format!("it is published on every address, not on {address} only; keep others out by a firewall, or do not publish it"),
        );
    }
    let mut out = Map::default();
    out.number("target", port.target);
    match port.published {
        Some((first, last)) if first == last => out.number("published", first),
        Some((first, last)) => {
            notes.changed(path, item, format!("a port of the host is one number; of {first} to {last} it is the first"));
            out.number("published", first);
        }
        None => notes.changed(path, item, "it has no port of the host: Compose takes any that is free, and a manifest publishes none"),
    }
    if port.protocol != "tcp" {
        out.text("protocol", port.protocol);
    }
    Some(out.node())
}
