"""The same addresses for a program that chooses the link itself, which walks past every route.

SO_BINDTODEVICE, IP_PKTINFO and their like make a failed route lookup fall back to "on link": the packet reaches the uplink,
where the tap filter drops it and the supervisor answers.
"""

import pytest
from lab.services import CANARY, CANARY_LOOPBACK
from lab.shape import HOST4, HOST6, NEIGHBOUR4, NEIGHBOUR6
from reach import FILTER4, ROUTE, reached, refused, walked_past

SHAPE = "office"

CONFIGURATION = """
allow-ip = 10.20.0.6:7
allow-ip = [fd12::6]:7
"""

TARGETS4 = ["10.0.0.1", "10.20.0.99", "172.16.0.1", "192.168.7.7", "169.254.169.254", "100.64.0.1", "168.63.129.16", "198.18.0.1",
            "203.0.113.7", "45.45.45.45", "45.46.47.48", HOST4, "10.20.0.5", "172.17.0.1", "45.33.99.9", NEIGHBOUR4,
            "198.51.100.1", "192.0.0.192", "240.0.0.1"]  # fmt: skip
TARGETS6 = ["fd00::1", "fd00:ec2::254", "fec0::1", "64:ff9b::a14:6", "2002:a14:6::1", "2001:0:a14:6::1", "2606:2800:21f::7",
            HOST6, "2600:77::5", NEIGHBOUR6, "4000::1", "::a14:6", "fe80::a9fe:a9fe"]  # fmt: skip
TCP4, TCP6 = ["device", "unicast-if"], ["device", "sticky", "unicast-if"]
UDP4 = ["device", "pktinfo", "unicast-if"]
UDP6 = ["device", "pktinfo", "sticky", "unicast-if"]


@pytest.fixture
def jail(lab, staying, identity):
    return staying(lab, identity, CONFIGURATION)


@pytest.mark.parametrize("address", TARGETS4)
@pytest.mark.parametrize("bind", TCP4)
def test_tcp(lab, jail, bind, address):
    refused(lab, jail, "tcp", address, walked_past("tcp", address, bind), bind=bind)


@pytest.mark.parametrize("address", TARGETS6)
@pytest.mark.parametrize("bind", TCP6)
def test_tcp_over_ipv6(lab, jail, bind, address):
    refused(lab, jail, "tcp", address, walked_past("tcp", address, bind), bind=bind)


@pytest.mark.parametrize("address", TARGETS4)
@pytest.mark.parametrize("bind", UDP4)
def test_udp(lab, jail, bind, address):
    refused(lab, jail, "udp", address, walked_past("udp", address, bind), bind=bind)


@pytest.mark.parametrize("address", TARGETS6)
@pytest.mark.parametrize("bind", UDP6)
def test_udp_over_ipv6(lab, jail, bind, address):
    refused(lab, jail, "udp", address, walked_past("udp", address, bind), bind=bind)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", NEIGHBOUR4, HOST4, "203.0.113.7"])
@pytest.mark.parametrize("bind", UDP4)
def test_icmp(lab, jail, bind, address):
    refused(lab, jail, "icmp", address, walked_past("icmp", address, bind), bind=bind)


@pytest.mark.parametrize("address", ["fd00::1", NEIGHBOUR6, HOST6, "2606:2800:21f::7"])
@pytest.mark.parametrize("bind", ["device", "pktinfo"])
def test_icmp_over_ipv6(lab, jail, bind, address):
    refused(lab, jail, "icmp", address, walked_past("icmp", address, bind), bind=bind)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address, error", [("192.168.7.7", "EHOSTUNREACH"), ("169.254.169.254", "EHOSTUNREACH"), ("fd00::1", "EACCES")])
def test_the_routes_are_walked_past(lab, jail, kind, address, error):
    """This is the filter's doing: with SO_BINDTODEVICE the blackholes say nothing. It also answers at once."""
    refused(lab, jail, kind, address, {error}, bind="device")


@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111"])
def test_the_internet_is_reachable_so(lab, jail, kind, address):
    reached(lab, jail, kind, address, bind="device")
    if kind == "udp":
        reached(lab, jail, kind, address, bind="pktinfo")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address", ["10.20.0.6", "fd12::6"])
def test_what_is_allowed_is_reachable_so(lab, jail, kind, address):
    reached(lab, jail, kind, address, bind="device")
    refused(lab, jail, kind, address, walked_past(kind, address, "device"), port=81, bind="device")


@pytest.mark.parametrize("bind", UDP4)
@pytest.mark.parametrize("address", ["224.0.0.251", "239.255.255.250", "255.255.255.255", "10.20.0.255", "198.51.100.255", "192.0.0.7"])
def test_multicast_and_broadcast(lab, jail, bind, address):
    # IP_UNICAST_IF says nothing of multicast.
    expected = ROUTE if bind == "unicast-if" and address.startswith("2") and address[:3] < "240" else FILTER4
    refused(lab, jail, "udp", address, expected, port=5353, bind=bind, broadcast=True)


@pytest.mark.parametrize("address", ["224.0.0.251", "239.255.255.250", "ff02::fb", "ff02::1", "ff05::2", "ff0e::1"])
def test_multicast_with_its_own_option(lab, jail, address):
    refused(lab, jail, "udp", address, walked_past("udp", address, "multicast-if"), port=5353, bind="multicast-if")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("bind", ["device", "pktinfo"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_host_s_loopback(lab, jail, kind, bind, address):
    """An old pasta forwards what is bound to the tap and sent to 127.0.0.1: only the filter is in its way."""
    if kind == "tcp" and bind == "pktinfo":
        bind = "unicast-if"
    for port in (CANARY, CANARY_LOOPBACK):
        # IP_UNICAST_IF says nothing of TCP: that is the jail's own loopback.
        expected = {"ECONNREFUSED"} if bind == "unicast-if" else walked_past(kind, address, bind)
        refused(lab, jail, kind, address, expected, port=port, bind=bind)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("port", [CANARY, CANARY_LOOPBACK, 53])
@pytest.mark.parametrize("address", ["192.0.0.1", "192.0.0.3"])
def test_the_gateway(lab, jail, kind, port, address):
    refused(lab, jail, kind, address, FILTER4, port=port, bind="device")


@pytest.mark.parametrize("bind", ["device", "pktinfo", "sticky"])
@pytest.mark.parametrize("mapped", ["10.20.0.99", "169.254.169.254", HOST4])
def test_ipv4_mapped(lab, jail, bind, mapped):
    # Options of IPv6 say nothing of IPv4, or are wrong for it.
    refused(lab, jail, "udp", f"::ffff:{mapped}", {"EINVAL"} if bind == "pktinfo" else FILTER4, bind=bind)


@pytest.mark.parametrize("address", ["192.168.7.7", "fd00::1"])
def test_multipath_tcp(lab, jail, address):
    refused(lab, jail, "tcp", address, walked_past("tcp", address, "device"), bind="device", mptcp=True)


@pytest.mark.parametrize("bind", [None, "device"])
@pytest.mark.parametrize("address", ["192.168.7.7", NEIGHBOUR4, "fd00::1"])
def test_tcp_fast_open(lab, jail, bind, address):
    refused(lab, jail, "tcp", address, walked_past("tcp", address, bind), bind=bind, fast_open=True)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address", ["192.168.7.7", NEIGHBOUR4, "169.254.169.254"])
def test_dont_route(lab, jail, kind, address):
    refused(lab, jail, kind, address, ROUTE, bind="dontroute")


def test_source_routing(lab, jail):
    """IP_OPTIONS can name another destination than the header's: loose source routing by way of an allowed address."""
    code = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 11, 1)
try:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes((131, 7, 4)) + socket.inet_aton("10.20.0.99") + b"\\0")
    s.sendto(b"token-lsrr", ("1.1.1.1", 7)); s.settimeout(0.5)
    result = s.recv(100).decode()
except OSError as error:
    result = errno.errorcode.get(error.errno, "SILENCE")
"""
    assert jail.ask("evaluate", code=code)["result"] == "EPERM"
    reached(lab, jail, "udp", "1.1.1.1")
    assert lab.seen(dst="10.20.0.99") == []


@pytest.mark.parametrize("address", ["1.1.1.1", "10.20.0.6"])
def test_fragments_do_not_pass(lab, jail, address):
    """A later fragment carries no port: the filter admits none, so a datagram beyond the MTU does not arrive."""
    code = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(0, 10, 0); s.settimeout(0.3)
try:
    s.sendto(b"token-frag" + bytes(65490), ({address!r}, 7)); result = len(s.recv(70000))
except OSError as error:
    result = errno.errorcode.get(error.errno, "SILENCE")
"""
    assert jail.ask("evaluate", code=code)["result"] == "SILENCE"


@pytest.mark.parametrize("statement, error", [
    ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 17)", "EPERM"),
    ("socket.socket(socket.AF_INET6, socket.SOCK_RAW, 17)", "EPERM"),
    ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)", "EAFNOSUPPORT"),
    ("socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 3)", "EAFNOSUPPORT"),
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(socket.SOL_SOCKET, 36, 1)", "EPERM"),  # SO_MARK
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(socket.IPPROTO_IP, 19, 1)", "EPERM"),  # IP_TRANSPARENT
])  # fmt: skip
def test_forged_packets(jail, statement, error):
    assert jail.ask("evaluate", code=statement)["errno"] == error
