"""What a jail reaches, and what it does not, on a host with several networks: by the routes that ordinary programs meet."""

import pytest
from lab.services import CANARY, CANARY_ABSTRACT, CANARY_LOOPBACK, ECHO, HTTP, HTTP_ALT
from lab.shape import HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6
from reach import FILTER4, FILTER6, NONE, ROUTE, reached, refused

SHAPE = "office"

CONFIGURATION = """
allow-ip = 10.20.0.6:7
allow-ip = 10.20.0.7:7/udp
allow-ip = 10.20.0.8:7,80/tcp
allow-ip = 172.23.142.119   # internal GitLab forge
allow-ip = [fd12::6]:7
allow-ip = [fd12::7]:7/udp
allow-ip = fd12::8
allow-net = 192.168.40.0/24:7
block-ip = 192.168.40.9
allow-net = [fd40::/64]:7/tcp
block-net = fd40::9:0/112
block-ip = 9.9.9.9:80
block-net = 8.8.8.0/24
block-ip = 2620:fe::fe
"""

INTERNET = ["1.1.1.1", "45.33.7.7", "223.255.255.254", "192.0.2.9", "172.32.0.1", "172.15.255.255", "11.0.0.1", "9.255.255.255",
            "100.128.0.1", "100.63.255.255", "169.253.1.1", "198.17.255.255", "198.20.0.1", "168.63.129.17", "192.0.1.1",
            "45.46.47.49", "2606:4700::1111", "2001:200::1", "3ffe::1", "2620:fe::fd", "2003::1"]  # fmt: skip

# Addresses that no jail reaches unless listed, with the reason.
INTERNAL = {
    "10.0.0.1": "RFC 1918", "10.255.255.255": "RFC 1918", "172.16.0.1": "RFC 1918", "172.31.255.254": "RFC 1918",
    "192.168.0.1": "RFC 1918", "192.168.255.254": "RFC 1918",
    "169.254.169.254": "cloud metadata", "169.254.1.1": "link-local",
    "100.64.0.1": "carrier-grade NAT", "100.100.100.200": "cloud metadata", "100.127.255.254": "carrier-grade NAT",
    "168.63.129.16": "cloud metadata", "192.0.0.192": "cloud metadata", "192.0.0.8": "IETF",
    "198.18.0.1": "benchmarking", "198.19.255.254": "benchmarking", "0.1.2.3": "this network",
    "240.0.0.1": "reserved", "255.255.255.254": "reserved",
    HOST4: "the host", "10.20.0.5": "the host's second interface", "172.17.0.1": "the host's bridge",
    "45.33.99.9": "the host's public address",
    NEIGHBOUR4: "connected", "198.51.100.1": "the host's gateway", "10.20.0.99": "connected", "172.17.0.99": "connected",
    "203.0.113.7": "routed aside, looks public", "45.45.45.45": "routed aside", "45.46.47.48": "routed aside",
    "172.31.5.5": "routed aside", "203.0.114.7": "connected, without a route", "45.45.48.1": "refused by a route of the host",
}  # fmt: skip
INTERNAL6 = {
    HOST6: "the host", "2600:77::5": "the host's second interface", NEIGHBOUR6: "connected", "2600:77::77": "connected",
    "2606:2800:21f::7": "routed aside", "fd00::1": "ULA", "fc00::1": "ULA", "fd00:ec2::254": "cloud metadata",
    "fd20:ce::254": "cloud metadata", "fec0::1": "site-local", "64:ff9b::a14:6": "NAT64", "64:ff9b:1::a14:6": "local NAT64",
    "2002:a14:6::1": "6to4", "2001:0:a14:6::1": "Teredo", "2001:10::1": "ORCHID", "::a14:6": "IPv4-compatible",
    "::ffff:0:a14:6": "SIIT", "100::1": "discard", "4000::1": "unassigned", "e000::1": "unassigned",
}  # fmt: skip


@pytest.fixture
def jail(lab, staying, identity):
    return staying(lab, identity, CONFIGURATION)


@pytest.mark.parametrize("address", INTERNET)
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_the_internet_is_there(lab, jail, kind, address):
    assert reached(lab, jail, kind, address)["peer"] == address


@pytest.mark.parametrize("address", [*INTERNAL, *INTERNAL6])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_internal_addresses_are_not(lab, jail, kind, address):
    refused(lab, jail, kind, address, ROUTE)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "203.0.113.7", NEIGHBOUR4,
                                     "203.0.114.7", "45.46.47.48", "fd00::1", NEIGHBOUR6, "2606:2800:21f::7", "2002:a14:6::1"])  # fmt: skip
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_the_host_itself_reaches_them(lab, staying, identity, kind, address):
    """The control: it is the jail that refuses, not the lab."""
    reached(lab, staying(lab, identity, outside=True), kind, address)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "127.1.2.3", "::1", "0.0.0.0", "::"])
@pytest.mark.parametrize("port", [CANARY, CANARY_LOOPBACK])
def test_loopback_is_the_jail_s_own(lab, jail, kind, address, port):
    refused(lab, jail, kind, address, {"ECONNREFUSED"}, port=port)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("port", [CANARY, CANARY_LOOPBACK, 53])
@pytest.mark.parametrize("address", ["192.0.0.1", "192.0.0.3"])
def test_the_gateway_leads_nowhere(lab, jail, kind, port, address):
    refused(lab, jail, kind, address, FILTER4 if address == "192.0.0.1" else ROUTE, port=port)


def test_the_ipv6_gateway_leads_nowhere(lab, jail):
    route = jail.ask("run", argv=["ip", "-6", "route", "show", "default"])["out"].split()
    gateway = route[route.index("via") + 1]
    for kind in ("tcp", "udp", "icmp"):
        refused(lab, jail, kind, gateway, FILTER6, port=CANARY)


def test_the_jail_s_own_address_is_its_own(lab, jail):
    for port in (CANARY, CANARY_LOOPBACK):
        refused(lab, jail, "tcp", "192.0.0.2", {"ECONNREFUSED"}, port=port)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("mapped", ["10.20.0.99", "169.254.169.254", "192.168.1.1", HOST4, "203.0.113.7"])
def test_ipv4_mapped_addresses_are_ipv4(lab, jail, kind, mapped):
    refused(lab, jail, kind, f"::ffff:{mapped}", ROUTE)


def test_ipv4_mapped_addresses_of_the_internet(lab, jail):
    reached(lab, jail, "tcp", "::ffff:1.1.1.1")


@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize("bind", [None, "device"])
def test_link_local_addresses(lab, jail, kind, bind):
    refused(lab, jail, kind, "fe80::1", FILTER6, scope="uplink0", bind=bind)
    refused(lab, jail, kind, "fe80::a9fe:a9fe", FILTER6, scope="uplink0", bind=bind)


@pytest.mark.parametrize("address", ["224.0.0.1", "224.0.0.251", "239.255.255.250", "232.1.1.1", "ff02::1", "ff02::fb", "ff05::2",
                                     "ff0e::1"])  # fmt: skip
def test_multicast_goes_nowhere(lab, jail, address):
    expected = FILTER6 if ":" in address else ROUTE
    refused(lab, jail, "udp", address, expected, port=5353)


@pytest.mark.parametrize("address", ["255.255.255.255", "198.51.100.255", "10.20.0.255", "192.0.0.7", "192.0.0.0"])
def test_broadcast_goes_nowhere(lab, jail, address):
    refused(lab, jail, "udp", address, ROUTE, port=5353, broadcast=True)


# What is listed.


@pytest.mark.parametrize("kind, address, port", [
    ("tcp", "10.20.0.6", 7), ("udp", "10.20.0.6", 7), ("udp", "10.20.0.7", 7), ("tcp", "10.20.0.8", 7),
    ("tcp", "172.23.142.119", 7), ("udp", "172.23.142.119", 7), ("tcp", "172.23.142.119", 443), ("icmp", "172.23.142.119", 0),
    ("tcp", "192.168.40.1", 7), ("udp", "192.168.40.255", 7), ("tcp", "192.168.40.0", 7),
    ("tcp", "fd12::6", 7), ("udp", "fd12::6", 7), ("udp", "fd12::7", 7), ("tcp", "fd12::8", 443), ("icmp", "fd12::8", 0),
    ("tcp", "fd40::1", 7), ("tcp", "9.9.9.9", 7), ("udp", "9.9.9.9", 7), ("tcp", "2620:fe::fd", 7),
])  # fmt: skip
def test_what_is_allowed_is_reachable(lab, jail, kind, address, port):
    reached(lab, jail, kind, address, port)


@pytest.mark.parametrize("kind, address, port", [
    ("tcp", "10.20.0.6", 80), ("udp", "10.20.0.6", 5353), ("icmp", "10.20.0.6", 0),
    ("tcp", "10.20.0.7", 7), ("udp", "10.20.0.7", 80), ("udp", "10.20.0.8", 7), ("tcp", "10.20.0.8", 81),
    ("tcp", "192.168.40.1", 80), ("udp", "192.168.40.1", 80), ("tcp", "9.9.9.9", 80), ("udp", "9.9.9.9", 80),
])  # fmt: skip
def test_the_rest_of_an_allowed_address_is_refused(lab, jail, kind, address, port):
    refused(lab, jail, kind, address, FILTER4, port)


@pytest.mark.parametrize("kind, address, port", [
    ("tcp", "fd12::6", 80), ("udp", "fd12::6", 80), ("icmp", "fd12::6", 0), ("tcp", "fd12::7", 7), ("udp", "fd12::7", 80),
    ("udp", "fd40::1", 7), ("tcp", "fd40::1", 80),
])  # fmt: skip
def test_the_rest_of_an_allowed_ipv6_address_is_refused(lab, jail, kind, address, port):
    refused(lab, jail, kind, address, FILTER6, port)


@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize("address", ["192.168.40.9", "8.8.8.8", "2620:fe::fe", "fd40::9:1", "192.168.41.1", "172.23.142.118",
                                     "172.23.142.120", "fd12::9", "10.20.0.9"])  # fmt: skip
def test_what_is_blocked_or_beside_an_allowance_is_refused(lab, jail, kind, address):
    refused(lab, jail, kind, address, ROUTE)


@pytest.mark.parametrize("bind", [None, "device"])
def test_the_host_in_an_allowed_network(lab, staying, identity, bind):
    """To allow a network is not to allow this machine's own services in it."""
    jail = staying(lab, identity, "allow-net = 10.20.0.0/24\n")
    reached(lab, jail, "tcp", "10.20.0.6", bind=bind)
    refused(lab, jail, "tcp", "10.20.0.5", FILTER4 if bind else ROUTE, bind=bind)
    refused(lab, jail, "udp", "10.20.0.5", FILTER4 if bind else ROUTE, port=CANARY, bind=bind)


def test_http(lab, jail):
    done = jail.ask("run", argv=["curl", "-sS", "-m", "5", "http://172.23.142.119/"])
    assert (done["status"], done["out"]) == (0, "hello from 172.23.142.119:80\n")
    assert jail.ask("run", argv=["curl", "-sS", "-m", "5", f"http://10.20.0.8:{HTTP_ALT}/"])["status"] == 7
    assert jail.ask("run", argv=["curl", "-sS", "-m", "5", f"http://10.20.0.8:{HTTP}/"])["status"] == 0


def test_an_epics_search(lab, staying, identity):
    """Channel Access: a search over UDP to a known port; the answer names the TCP port to connect to."""
    jail = staying(lab, identity, "allow-ip = 10.20.0.6\n")
    found = jail.ask("udp", address="10.20.0.6", port=5064, token="search")
    assert int(found["answer"]) == lab.device_port
    reached(lab, jail, "tcp", "10.20.0.6", lab.device_port)
    refused(lab, jail, "udp", "10.20.0.10", ROUTE, port=5064)


def test_an_epics_search_is_not_broadcast(lab, staying, identity):
    jail = staying(lab, identity, "allow-ip = 10.20.0.6\n")
    refused(lab, jail, "udp", "10.20.0.255", ROUTE, port=5064, broadcast=True)


def test_abstract_sockets_are_not_there(lab, jail):
    assert jail.ask("unix", path=CANARY_ABSTRACT)["errno"] == "ECONNREFUSED"
    assert lab.seen(place="host", service="stream") == []


# Without a configuration, and without a network.


def test_without_configuration_only_the_internet(lab, staying, identity):
    jail = staying(lab, identity)
    reached(lab, jail, "tcp", "1.1.1.1")
    refused(lab, jail, "tcp", "10.20.0.6", ROUTE)
    refused(lab, jail, "tcp", "172.23.142.119", ROUTE)


@pytest.mark.parametrize("configuration, options", [("network = none\n", ()), ("", ("--network", "none"))])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_no_network(lab, staying, identity, configuration, options, kind):
    jail = staying(lab, identity, configuration, options)
    for address in ("1.1.1.1", "10.20.0.6", HOST4, "2606:4700::1111", "fd00::1"):
        refused(lab, jail, kind, address, ROUTE, internet=None)
    refused(lab, jail, "tcp", "127.0.0.1", {"ECONNREFUSED"}, port=CANARY, internet=None)
    assert lab.seen(place="world") == []


def test_no_network_needs_no_pasta(lab, identity):
    def relays():
        return {p["pid"] for p in lab.call("lab.residue:processes").values() if p["comm"].startswith(("passt", "pasta"))}

    before = relays()
    with lab.jailed(identity=identity, options=("--network", "none")):
        assert relays() <= before
    with lab.jailed(identity=identity):
        assert len(relays() - before) == 1


def test_ipv6_off(lab, staying, identity):
    jail = staying(lab, identity, "ipv6 = off\n")
    reached(lab, jail, "tcp", "1.1.1.1")
    for address in ("2606:4700::1111", "fd00::1", HOST6):
        refused(lab, jail, "tcp", address, NONE)


def test_services_of_a_jail_are_not_published(lab, staying, identity):
    """What listens in a jail is not on the host's addresses, nor on its loopback."""
    jail = staying(lab, identity)
    jail.ask("evaluate", code="s = socket.create_server(('0.0.0.0', 5173)); globals()['keep'] = s; result = 1")
    with lab.outside(identity=identity) as outside:
        for address in ("127.0.0.1", HOST4, "10.20.0.5"):
            assert outside.ask("tcp", address=address, port=5173)["errno"] == "ECONNREFUSED"


def test_two_jails_do_not_meet(lab, staying, identity):
    """Each has the same synthetic address, and neither reaches the other."""
    one, two = staying(lab, identity), staying(lab, identity, "ipv6 = off\n")
    one.ask("evaluate", code="import sys; sys.keep = socket.create_server(('0.0.0.0', 5174)); result = 1")
    for address in ("192.0.0.2", "127.0.0.1", HOST4):
        assert two.ask("tcp", address=address, port=5174)["errno"] == ("EHOSTUNREACH" if address == HOST4 else "ECONNREFUSED")


@pytest.mark.parametrize("echo", [ECHO])
def test_large_transfers(lab, staying, identity, echo):
    """Not only single packets: 8 MB there and back."""
    code = f"""
s = socket.create_connection(("1.1.1.1", {echo})); s.settimeout(20)
sent, got, data = 0, 0, b"x" * 65536
while got < 8 << 20:
    r, w, _ = select.select([s], [s] if sent < 8 << 20 else [], [], 20)
    if w: sent += s.send(data)
    if r: got += len(s.recv(1 << 20))
result = got
"""
    assert staying(lab, identity).ask("evaluate", code=code)["result"] == 8 << 20
