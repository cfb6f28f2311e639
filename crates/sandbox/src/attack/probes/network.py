"""Probes for the network. Some have a listener on the host that must never hear of them."""

import socket

LOOPBACK = "127.0.0.1"
PATIENCE = 2


def connected(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        return "connected to %r" % (address,)


@probe
def tcp():
    return connected(socket.AF_INET, (LOOPBACK, SETTINGS["tcp"]))


@probe
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"zona", (LOOPBACK, SETTINGS["udp"]))
        return "sent a datagram"


@probe
def abstract_sockets():
    return connected(socket.AF_UNIX, "\0" + SETTINGS["abstract"])


@probe
def internet_sockets():
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    return "made an internet socket"


@probe
def dns():
    query = b"\x5a\x4e\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"

    def ask(resolver):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(query, (resolver, 53))
            return "sent a query to " + resolver

    return first([lambda r=r: ask(r) for r in ("127.0.0.53", "127.0.0.11", "1.1.1.1")], "no query leaves")


@probe
def metadata_address():
    # Connecting a datagram socket sends nothing, and fails where there is no route.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("169.254.169.254", 80))
        return "there is a route to 169.254.169.254"


@probe
def vsock():
    return surface(41, 40, socket.SOCK_STREAM, 0)


@probe
def netlink():
    return surface(41, 16, socket.SOCK_RAW, 0)


@probe
def packet_sockets():
    raw(41, 17, socket.SOCK_RAW, 0x0300)
    return "made a packet socket"


@probe
def raw_sockets():
    raw(41, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return "made a raw socket"


@probe
def rare_socket_families():
    # AF_ALG, AF_KEY, AF_XDP, AF_BLUETOOTH, AF_CAN: code that has held many of the kernel's faults.
    return first([lambda f=f: surface(41, f, socket.SOCK_RAW, 0) for f in (38, 15, 44, 31, 29)], "no family but local pairs")


@probe
def datagrams_through_a_pair():
    # In this family SOCK_RAW is another name for SOCK_DGRAM.
    def send(kind, address):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        with one, other:
            one.sendto(b"zona", address)
            return "sent a datagram to %r" % address

    addresses = (SETTINGS["datagrams"], "\0" + SETTINGS["abstract"] + "-datagrams")
    kinds = (socket.SOCK_DGRAM, socket.SOCK_RAW)
    return first([lambda k=k, a=a: send(k, a) for a in addresses for k in kinds], "no pair reaches further than its ends")


@probe
def descriptor_passing():
    return surface(46, 0, None, 0)
