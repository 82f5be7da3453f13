"""The same questions on hosts whose way to the internet is not one default route."""

import pytest
from lab.services import CANARY
from lab.shape import HOST4, HOST6
from reach import FILTER4, FILTER6, NONE, ROUTE, reached, refused, walked_past

ALLOWED = "10.20.0.8"


@pytest.fixture
def enter(open_lab, staying, identity):
    def start(shape, configuration="", **how):
        lab = open_lab(shape)
        lab.reset()
        return lab, staying(lab, identity, configuration, **how)

    return start


@pytest.mark.parametrize("shape, link", [
    ("plain", "w0"), ("split-vpn", "wtun0"), ("pieces-vpn", "wtun0"), ("wireguard", "wwg0"), ("tailscale", "w0"),
    ("two-defaults", "w0"), ("ipv4-only", "w0"), ("odd-address", "w0"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_the_internet_by_the_host_s_way(enter, shape, link, kind):
    lab, jail = enter(shape)
    for address in ("1.1.1.1", "45.33.7.7", "192.0.2.9"):
        reached(lab, jail, kind, address)
        assert {packet["link"] for packet in lab.seen(place="world", dst=address)} == {link}


@pytest.mark.parametrize("shape", ["plain", "split-vpn", "wireguard", "tailscale", "two-defaults", "odd-address", "ipv6-only"])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_the_ipv6_internet(enter, shape, kind):
    lab, jail = enter(shape)
    reached(lab, jail, kind, "2606:4700::1111")


@pytest.mark.parametrize("shape", ["plain", "split-vpn", "pieces-vpn", "wireguard", "tailscale", "two-defaults", "ipv4-only",
                                   "odd-address", "no-default"])  # fmt: skip
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_internal_addresses_on_every_shape(enter, shape, kind):
    # Where no address of the internet is reachable, an allowed one shows that what was sent before has arrived.
    internet, configuration = (ALLOWED, f"allow-ip = {ALLOWED}:7\n") if shape == "no-default" else ("1.1.1.1", "")
    lab, jail = enter(shape, configuration)
    for address in ("10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.51.100.77", HOST4):
        refused(lab, jail, kind, address, ROUTE, port=CANARY, internet=internet)
        refused(lab, jail, kind, address, FILTER4, port=CANARY, internet=internet, bind="device")


@pytest.mark.parametrize("shape", ["plain", "split-vpn", "wireguard", "tailscale", "two-defaults", "odd-address", "ipv6-only"])
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_internal_ipv6_addresses_on_every_shape(enter, shape, kind):
    lab, jail = enter(shape)
    for address in ("fd00::1", "2600:99::77", HOST6, "64:ff9b::a00:1"):
        refused(lab, jail, kind, address, ROUTE, port=CANARY, internet="2606:4700::1111")
        refused(lab, jail, kind, address, FILTER6, port=CANARY, internet="2606:4700::1111", bind="device")


@pytest.mark.parametrize("shape, addresses", [
    # What leaves another way than the internet does is internal, whatever it looks like.
    ("split-vpn", ["203.0.113.7", "45.33.7.1", "10.8.0.1", "fd08::1"]),
    ("pieces-vpn", ["10.8.0.1", "10.8.0.2"]),
    ("wireguard", ["10.9.0.2", "fd09::2"]),
    ("tailscale", ["203.0.113.7", "100.64.0.1", "100.100.100.100", "100.64.0.9", "fd7a:115c:a1e0::1", "2606:2800:21f::7"]),
    ("two-defaults", ["45.45.46.7", "203.0.113.7", "203.0.113.1", "203.0.113.5"]),
    ("odd-address", ["192.0.0.1", "192.0.0.2"]),
])  # fmt: skip
@pytest.mark.parametrize("bind", [None, "device"])
def test_what_is_routed_aside(enter, shape, addresses, bind):
    lab, jail = enter(shape)
    for address in addresses:
        for kind in ("tcp", "udp"):
            refused(lab, jail, kind, address, walked_past(kind, address, bind), port=CANARY, bind=bind)


def test_what_is_routed_aside_can_be_allowed(enter):
    lab, jail = enter("tailscale", "allow-ip = 203.0.113.7:7\nallow-net = 100.64.0.0/10:7\nallow-ip = [fd7a:115c:a1e0::1]:7\n")
    for address in ("203.0.113.7", "100.64.0.1", "fd7a:115c:a1e0::1"):
        reached(lab, jail, "tcp", address)
        assert {packet["link"] for packet in lab.seen(place="world", dst=address)} == {"wtailscale0"}
    refused(lab, jail, "tcp", "203.0.113.8", ROUTE)


def test_both_default_routes_count(enter):
    """45.45.45.0/24 leaves by the second default route's gateway: that is a way to the internet, too."""
    lab, jail = enter("two-defaults")
    reached(lab, jail, "tcp", "45.45.45.45")
    assert {packet["link"] for packet in lab.seen(place="world", dst="45.45.45.45")} == {"w1"}


def test_no_way_out_is_no_error(enter):
    lab, jail = enter("no-default", f"allow-ip = 10.20.0.6:7\nallow-ip = {ALLOWED}:7\n")
    reached(lab, jail, "tcp", "10.20.0.6")
    refused(lab, jail, "tcp", "10.20.0.6", FILTER4, port=80, internet=ALLOWED)
    refused(lab, jail, "tcp", "10.20.0.7", ROUTE, internet=ALLOWED)
    answer = jail.ask("tcp", address="1.1.1.1", port=7)
    assert answer["errno"] == "ENETUNREACH", answer
    assert lab.seen(dst="1.1.1.1") == []


def test_a_host_without_ipv6(enter):
    lab, jail = enter("ipv4-only")
    refused(lab, jail, "tcp", "2606:4700::1111", NONE)
    assert "uplink0" not in jail.ask("read", path="/proc/net/if_inet6")["text"]


def test_a_host_without_ipv4(enter):
    lab, jail = enter("ipv6-only")
    answer = jail.ask("tcp", address="1.1.1.1", port=7)
    assert answer["errno"] == "ENETUNREACH", answer
    refused(lab, jail, "tcp", "10.0.0.1", ROUTE, internet="2606:4700::1111")


def test_the_synthetic_address_moves(enter):
    """The host owns the usual one: another is taken, outside of every network of the host's."""
    lab, jail = enter("odd-address")
    addresses = jail.ask("run", argv=["ip", "-4", "-o", "addr", "show", "dev", "uplink0"])["out"]
    assert " 192.0.0.1/" not in addresses and " 192.0.0.2/" not in addresses and "inet " in addresses
    lab, jail = enter("plain")
    assert "inet 192.0.0.2/32 " in jail.ask("run", argv=["ip", "-4", "-o", "addr", "show", "dev", "uplink0"])["out"]
