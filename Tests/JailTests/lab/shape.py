"""What the host's network looks like: the part of the lab that a test chooses.

Each shape is what an administrator would have typed: `ip` lines for the host, `ip` lines for the world.
"""

import dataclasses

HOST4, GATEWAY4 = "198.51.100.5", "198.51.100.1"
HOST6, GATEWAY6 = "2600:99::5", "2600:99::1"
NEIGHBOUR4, NEIGHBOUR6 = "198.51.100.77", "2600:99::77"

# Resolvers, in the world. Each has an address of each family.
DNSMASQ4, DNSMASQ6 = "198.51.100.53", "2600:99::53"
TINY4, TINY6 = "198.51.100.54", "2600:99::54"
CLOSED4 = "198.51.100.55"  # answers "port unreachable"
SILENT4 = "198.51.100.66"  # never answers
STUB4 = "127.0.0.53"  # dnsmasq on the host's loopback

_ETH0 = f"""
addr add {HOST4}/24 dev eth0
route add default via {GATEWAY4}
"""
_ETH0_6 = f"""
addr add {HOST6}/64 dev eth0 nodad
route add default via {GATEWAY6}
"""
# The world's side knows the host's own addresses only: every other address of a LAN is the world's, neighbours included.
# (AnyIP does not answer neighbour solicitations, so IPv6 neighbours need addresses.)
_W0 = f"addr add {GATEWAY4}/32 dev w0\nroute add {HOST4} dev w0"
_W0_6 = f"addr add {GATEWAY6}/128 dev w0 nodad\naddr add {NEIGHBOUR6}/128 dev w0 nodad\nroute add {HOST6} dev w0"


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    summary: str
    links: tuple = (("eth0", "w0"),)  # veth pairs: host's end, world's end
    tunnels: tuple = ()  # tun devices, crossed: what a VPN looks like to both sides
    host: str = _ETH0 + _ETH0_6
    world: str = _W0 + "\n" + _W0_6
    sockets: bool = False  # listeners at the paths of nscd, systemd-resolved and avahi

    def with_host(self, name, summary, host, world="", **changes):
        return dataclasses.replace(
            self, name=name, summary=summary, host=self.host + host, world=self.world + "\n" + world, **changes
        )


PLAIN = Shape("plain", "one interface, both families")

OFFICE = PLAIN.with_host(
    "office",
    "a device network behind a second interface, a bridge, internal prefixes that look public",
    """
    addr add 10.20.0.5/24 dev eth1
    addr add 2600:77::5/64 dev eth1 nodad
    addr add 172.17.0.1/16 dev docker0
    addr add 45.33.99.9/32 dev eth0
    addr add 203.0.114.5/24 dev eth1 noprefixroute
    route add unreachable 45.45.48.0/24
    route add 172.31.0.0/16 via 10.20.0.1
    route add 203.0.113.0/24 via 10.20.0.1
    route add 45.45.45.0/24 dev eth1
    route add 45.46.47.48 via 10.20.0.1
    route add 2606:2800:21f::/48 via 2600:77::1
    """,
    """
    addr add 10.20.0.1/32 dev w1
    route add 10.20.0.5 dev w1
    addr add 2600:77::1/128 dev w1 nodad
    addr add 2600:77::77/128 dev w1 nodad
    route add 2600:77::5 dev w1
    route add 172.17.0.1 dev w2
    route add 45.33.99.9 dev w0
    """,
    links=(("eth0", "w0"), ("eth1", "w1"), ("docker0", "w2")),
    sockets=True,
)

SPLIT_VPN = PLAIN.with_host(
    "split-vpn",
    "a VPN that takes the internet in two halves, and leaves its own server and a LAN aside",
    f"""
    addr add 10.8.0.2/24 dev tun0
    route add 0.0.0.0/1 dev tun0
    route add 128.0.0.0/1 dev tun0
    route add 45.33.7.1 via {GATEWAY4}
    route add 203.0.113.0/24 via {GATEWAY4}
    addr add fd08::2/64 dev tun0 nodad
    route add ::/1 dev tun0
    route add 8000::/1 dev tun0
    """,
    "route add 10.8.0.2 dev wtun0\nroute add fd08::2 dev wtun0",
    tunnels=(("tun0", "wtun0"),),
)

PIECES_VPN = PLAIN.with_host(
    "pieces-vpn",
    "a VPN that takes the internet in many pieces",
    "addr add 10.8.0.2/24 dev tun0\n" + "\n".join(f"route add {n * 8}.0.0.0/5 dev tun0" for n in range(0, 28)),
    "route add 10.8.0.2 dev wtun0",
    tunnels=(("tun0", "wtun0"),),
)

WIREGUARD = PLAIN.with_host(
    "wireguard",
    "wg-quick: everything by a table of its own, chosen by an inverted mark",
    """
    addr add 10.9.0.2/32 dev wg0
    route add default dev wg0 table 51820
    rule add not fwmark 51820 table 51820
    rule add table main suppress_prefixlength 0
    addr add fd09::2/128 dev wg0 nodad
    -6 route add default dev wg0 table 51820
    -6 rule add not fwmark 51820 table 51820
    -6 rule add table main suppress_prefixlength 0
    """,
    "route add 10.9.0.2 dev wwg0\nroute add fd09::2 dev wwg0",
    tunnels=(("wg0", "wwg0"),),
)

TAILSCALE = PLAIN.with_host(
    "tailscale",
    "a mesh VPN: table 52 holds its peers and an accepted subnet that looks public",
    """
    addr add 100.64.0.9/32 dev tailscale0
    rule add pref 5210 fwmark 0x80000/0xff0000 table main
    rule add pref 5270 table 52
    route add 100.64.0.0/10 dev tailscale0 table 52
    route add 100.100.100.100 dev tailscale0 table 52
    route add 203.0.113.0/24 dev tailscale0 table 52
    route add throw 127.0.0.0/8 table 52
    addr add fd7a:115c:a1e0::9/128 dev tailscale0 nodad
    -6 rule add pref 5270 table 52
    -6 route add fd7a:115c:a1e0::/48 dev tailscale0 table 52
    -6 route add 2606:2800:21f::/48 dev tailscale0 table 52
    """,
    "route add 100.64.0.9 dev wtailscale0\nroute add fd7a:115c:a1e0::9 dev wtailscale0",
    tunnels=(("tailscale0", "wtailscale0"),),
)

TWO_DEFAULTS = PLAIN.with_host(
    "two-defaults",
    "two interfaces that both lead to the internet",
    """
    addr add 203.0.113.5/24 dev eth1
    route add default via 203.0.113.1 dev eth1 metric 100
    route add 45.45.45.0/24 via 203.0.113.1 dev eth1
    route add 45.45.46.0/24 via 203.0.113.99 dev eth1
    """,
    "addr add 203.0.113.1/32 dev w1\naddr add 203.0.113.99/32 dev w1\nroute add 203.0.113.5 dev w1",
    links=(("eth0", "w0"), ("eth1", "w1")),
)

NO_DEFAULT = Shape(
    "no-default",
    "no way out at all: a LAN only",
    host=f"addr add {HOST4}/24 dev eth0\nroute add 10.20.0.0/16 via {GATEWAY4}\naddr add {HOST6}/64 dev eth0 nodad",
)

IPV4_ONLY = Shape("ipv4-only", "a host without IPv6", host=_ETH0, world=_W0)

IPV6_ONLY = Shape("ipv6-only", "a host without IPv4", host=_ETH0_6, world=_W0_6)

ODD_ADDRESS = PLAIN.with_host(
    "odd-address",
    "a host that owns the address that a jail would take (RFC 7335, as a 464XLAT or DS-Lite host does)",
    "addr add 192.0.0.2/32 dev eth0\naddr add 192.0.0.1/32 dev eth0",
    "route add 192.0.0.2 dev w0\nroute add 192.0.0.1 dev w0",
)

SHAPES = {
    shape.name: shape
    for shape in (
        PLAIN, OFFICE, SPLIT_VPN, PIECES_VPN, WIREGUARD, TAILSCALE, TWO_DEFAULTS, NO_DEFAULT, IPV4_ONLY, IPV6_ONLY,
        ODD_ADDRESS,
    )
}  # fmt: skip
