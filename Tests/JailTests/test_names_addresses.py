"""Where a name may lead: to what is public, as it moves; to an internal network only by allow-internal-domain; to this host never."""

import contextlib
import os
import time

import pytest
from lab.named import ECHO, OTHER4, RESOLVER4, RESOLVER6, SHARED4, SHARED6, TLS
from lab.services import CANARY
from lab.shape import DNSMASQ4, GATEWAY4, HOST4, HOST6, NEIGHBOUR4
from names import INTERNAL4, INTERNAL6, ZONE, Named, no_such_name, reached, refused, restricted
from reach import reached as reached_by_address
from reach import by_supervisor

# How long an address that moves each second is followed.
SECONDS = int(os.environ.get("CLAUDE_SANDBOX_TESTS_ROTATION", "10"))
ANYWHERE = restricted("any.test:*", "half.test:*", "github.com:*")
ALSO_INTERNAL = f"allow-internal-domain = corp.test:{ECHO},{CANARY},7\n"


@pytest.fixture
def jail(lab, named, staying, identity):
    return staying(lab, identity, ANYWHERE)


@pytest.fixture
def one(lab, named, staying):
    return staying(lab, "user", ANYWHERE)


@pytest.fixture
def host(lab, named, staying):
    return staying(lab, "user", outside=True)


def fresh(named, *addresses, below="any.test", **how):
    """A name that nobody has asked for yet, with these addresses."""
    fresh.serial += 1
    name = f"n{fresh.serial}.{below}"
    four, six = [a for a in addresses if ":" not in a], [a for a in addresses if ":" in a]
    named.zone({name: {**({"A": four} if four else {}), **({"AAAA": six} if six else {}), **how}})
    return name


fresh.serial = 0

# Of this host, of its links, and what serves its metadata.
OWN = [
    "127.0.0.1", "127.0.0.53", "127.1.2.3", "0.0.0.0", "0.1.2.3", HOST4, "169.254.169.254", "169.254.1.1", "100.100.100.200",
    "::1", "::", HOST6, "fe80::1", "fd00:ec2::254", "::ffff:127.0.0.1", f"::ffff:{HOST4}", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "224.0.0.1", "255.255.255.255", "ff02::1", "ff05::2",
]  # fmt: skip
# Of internal networks, and those that stand for others.
INTERNAL = [
    INTERNAL4, "172.16.0.1", "192.168.1.1", "100.64.0.1", GATEWAY4, NEIGHBOUR4, DNSMASQ4, "198.18.0.1", "198.19.64.2",
    "192.0.0.1", "240.0.0.1", INTERNAL6, "2600:99::77", f"::ffff:{INTERNAL4}", "64:ff9b::a14:6", "64:ff9b:1::a14:6",
    "fec0::1",
]  # fmt: skip


def test_a_name_that_leads_inside_opens_nothing(named, jail, host):
    """Not by any family, nor written as the other one."""
    for address in OWN + INTERNAL:
        for port in (CANARY, ECHO):
            refused(named, jail, "EHOSTUNREACH", name=fresh(named, address), port=port)
    # The controls: outside such names lead where they say.
    assert host.ask("talk", name=fresh(named, HOST4), port=CANARY, steps=[["send", "("], ["receive", 1]])["got"] == ["("]
    reached(named, host, fresh(named, INTERNAL4), port=7)


def test_it_is_refused_before_its_address_is_asked(named, one):
    """The first packet of a connection is the one that would be seen."""
    named.forget()
    name = fresh(named, "10.77.77.77", NEIGHBOUR4)
    assert one.ask("talk", name=name, port=ECHO, steps=[])["errno"] == "EHOSTUNREACH"
    assert [event for event in named.lab.seen(place="world") if event.get("dst") in ("10.77.77.77", NEIGHBOUR4)] == []


def test_of_several_addresses_those_outside_are_used(named, one):
    for addresses in ([INTERNAL4, SHARED4], ["127.0.0.1", INTERNAL6, SHARED6], [HOST4, "::1", SHARED4, SHARED6]):
        reached(named, one, fresh(named, *addresses))
        assert {one["address"] for one in named.connections()} <= {SHARED4, SHARED6}
        assert [event for event in named.lab.seen() if event.get("dst") in (INTERNAL4, INTERNAL6)] == []


@pytest.mark.parametrize("inside", [INTERNAL4, "127.0.0.1", HOST4, "169.254.169.254"])
def test_rebinding(named, one, inside):
    """First public, then internal: each connection is decided by what the name leads to then."""
    name = fresh(named, SHARED4, inside, turns=1, ttl=1)
    reached(named, one, name)
    time.sleep(1.1)
    deadline = time.monotonic() + 5
    while (answer := one.ask("talk", name=name, port=CANARY, steps=[]))["errno"] == "ECONNREFUSED" and time.monotonic() < deadline:
        time.sleep(0.2)
    refused(named, one, "EHOSTUNREACH", name=name, port=CANARY)
    for address in one.ask("getaddrinfo", name=name)["addresses"]:
        refused(named, one, "EHOSTUNREACH", address=address, port=CANARY)


def test_an_address_that_moves_each_second(named, one):
    """Whoever connects is led to where the name is then, by an address that stays the same."""
    places = [f"45.61.{n}.1" for n in range(60)]
    name = fresh(named, *places, every=1, ttl=1)
    (address,) = one.ask("getaddrinfo", name=name)["addresses"]
    end, used = time.monotonic() + SECONDS, []
    while time.monotonic() < end:
        named.forget()
        before = int(time.time())
        by_address = len(used) % 2
        to = {"address": address} if by_address else {"name": name}
        answer = one.ask("talk", port=7, steps=[["send", "token-moves\n"], ["receive", 12]], **to)
        assert answer["errno"] is None, answer
        (packet, *_) = named.lab.seen(place="world", token="token-moves", dport=7)
        # The second of the answer, or the one before it, which its time to live allows.
        allowed = {places[second % len(places)] for second in range(before - 2, int(time.time()) + 1)}
        assert packet["dst"] in allowed, (packet["dst"], allowed)
        used.append(packet["dst"])
        assert one.ask("getaddrinfo", name=name)["addresses"] == [address]
        time.sleep(0.3)
    assert len(set(used)) >= min(SECONDS - 2, 40)


def test_what_the_host_calls_itself(lab, named):
    """The host's hosts file is part of looking names up, and does not go round the rules; the jail has one of its own."""
    lab.call("lab.host:write", "/etc/hosts", f"127.0.0.1 localhost\n{OTHER4} github.com\n{INTERNAL4} half.test printer\n{HOST4} api.github.com\n", {})
    try:
        with lab.jailed(identity="user", kept=ANYWHERE) as jail:
            text = jail.ask("read", path="/etc/hosts")["text"]
            assert "github" not in text and INTERNAL4 not in text and "printer" not in text and "127.0.0.1" in text
            reached(named, jail, "github.com")
            assert named.connections()[0]["address"] == OTHER4
            refused(named, jail, "EHOSTUNREACH", name="half.test")
            refused(named, jail, "EHOSTUNREACH", name="api.github.com", port=CANARY)
            no_such_name(named, jail, "printer")
            assert jail.ask("write", path="/etc/hosts", text=f"{OTHER4} evil.test\n")["errno"] in ("EROFS", "EACCES")
    finally:
        lab.call("lab.host:write", "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", {})


@pytest.mark.parametrize("prefix, word", [("198.18.", "proxy"), ("64:ff9b::", "NAT64")])
def test_resolvers_behind_which_every_name_is_another_address(lab, named, prefix, word):
    """It is said, since nothing can be reached then."""
    address = prefix + ("7.7" if "." in prefix else "2d28:2828")
    name = fresh(named, address)
    with lab.jailed(identity="user", kept=ANYWHERE) as jail:
        refused(named, jail, "EHOSTUNREACH", name=name)
        told = jail.process.read_line(2, timeout=5)
        assert word in told and name in told, told


# Internal names.


@pytest.fixture(params=["restricted", "internet"])
def internal(request, lab, named, staying, identity):
    """A jail with one internal name, whatever the mode."""
    mode = "network = restricted\n" if request.param == "restricted" else ""
    return staying(lab, identity, f"{mode}{ALSO_INTERNAL}block-net = 10.66.0.0/16\nblock-ip = 10.20.0.66\n")


def lead(named, jail, *addresses):
    """Makes corp.test lead there, once nobody remembers where it led."""
    four, six = [a for a in addresses if ":" not in a], [a for a in addresses if ":" in a]
    named.zone({"corp.test": {**({"A": four} if four else {}), **({"AAAA": six} if six else {}), "ttl": 0},
                "x.corp.test": {"A": [INTERNAL4]}, "other.test": {"A": [INTERNAL4]}})  # fmt: skip


def test_an_internal_name(named, internal):
    """At its ports, as it moves; not its siblings, nor what is below it."""
    for address in (INTERNAL4, "10.20.0.7", INTERNAL6, "172.16.9.9", SHARED4, "100.64.1.1", NEIGHBOUR4):
        lead(named, internal, address)
        token = f"token-i{address.replace('.', '').replace(':', '')}"
        deadline = time.monotonic() + 3
        while True:
            named.forget()
            answer = internal.ask("talk", name="corp.test", port=7, steps=[["send", token + "\n"], ["receive", 9]])
            if named.lab.seen(place="world", token=token, dst=address) or time.monotonic() > deadline:
                break
        assert named.lab.seen(place="world", token=token, dst=address), answer
    refused(named, internal, "EHOSTUNREACH", name="corp.test", port=443)
    refused(named, internal, "EHOSTUNREACH", name="corp.test", port=22)
    refused(named, internal, "EHOSTUNREACH", address=INTERNAL4, port=7)
    for name in ("x.corp.test", "other.test"):
        answer = internal.ask("talk", name=name, port=80, steps=[])
        assert answer["errno"] in ("EAI_NONAME", "EHOSTUNREACH"), answer


def test_what_an_internal_name_never_leads_to(lab, named, identity):
    led = {f"c{n}.corp.test": address for n, address in enumerate([*OWN, "10.66.1.1", INTERNAL4])}
    named.zone({name: {"AAAA" if ":" in address else "A": [address]} for name, address in led.items()})
    lines = "".join(f"allow-internal-domain = {name}:{CANARY},7\n" for name in led)
    with lab.jailed(identity=identity, kept=f"network = restricted\n{lines}block-net = 10.66.0.0/16\n") as jail:
        for name, address in led.items():
            if address == INTERNAL4:
                reached(named, jail, name, port=7)
            else:
                refused(named, jail, "EHOSTUNREACH", name=name, port=CANARY)


@pytest.mark.parametrize("line, place", [
    ("allow-internal-domain = corp.test", "ports"), ("allow-internal-domain = *.corp.test:80", "exact"),
    ("allow-internal-domain = =corp.test:80", "exact"), ("allow-internal-domain = corp.test:80/udp", "TCP"),
])  # fmt: skip
def test_an_internal_name_is_exact_and_has_ports(lab, line, place):
    lab.configure(line + "\n")
    result = lab.sandbox("config", "--check", identity="user")
    assert result.status != 0 and place in result.err and "^" in result.err, result


# The other modes, and addresses beside names.


def test_names_in_the_internet_mode(lab, named, identity):
    """block-domain closes names in DNS, and leaves their addresses open; allow-domain is a warning."""
    with lab.jailed(identity=identity, kept="block-domain = pypi.org\nallow-domain = neighbour.test\nblock-domain = =github.com\n") as jail:
        for name in ("pypi.org", "files.pypi.org", "github.com"):
            named.forget()
            assert jail.ask("talk", name=name, port=ECHO, steps=[])["errno"] == "EAI_NONAME"
            # With the search domain behind it, it is another name, which the C library tries.
            assert name not in {query["name"] for query in named.asked()}
        for name in ("neighbour.test", "evilgithub.com", "api.github.com"):
            reached(named, jail, name)
        assert jail.ask("talk", address=SHARED4, port=TLS, steps=[])["errno"] is None


def test_addresses_beside_names(lab, named, identity):
    with lab.jailed(identity=identity, kept=restricted("github.com:*", more="allow-ip = 10.1.1.1:7\nallow-net = 45.33.7.0/24:7\n")) as jail:
        for address in ("10.1.1.1", "45.33.7.9"):
            reached_by_address(lab, jail, "tcp", address)
            reached_by_address(lab, jail, "udp", address)
        reached(named, jail, "github.com")
        no_such_name(named, jail, "pypi.org")
        for address in ("10.1.1.2", "45.33.8.1", SHARED4, SHARED6):
            (expected,) = by_supervisor(address)
            refused(named, jail, expected, address=address, port=7)
        refused(named, jail, "EHOSTUNREACH", address="10.1.1.1", port=80)


def test_no_pasta_without_addresses(lab, named, identity):
    """What leads to names is ours alone: nothing else runs, and nothing else is needed."""
    others = sum("pasta" in line for line in lab.running())
    lab.call("lab.host:overlay", "/usr/bin")
    for name in ("pasta", "passt", "pasta.avx2", "passt.avx2"):
        lab.call("lab.host:remove", f"/usr/bin/{name}")
    try:
        assert lab.jail("true", identity=identity).status == 125
        with lab.jailed(identity=identity, kept=restricted("github.com:*")) as jail:
            reached(named, jail, "github.com")
            assert sum("pasta" in line for line in lab.running()) == others
            assert jail.ask("talk", address="1.1.1.1", port=7, steps=[])["errno"] == "EHOSTUNREACH"
    finally:
        lab.call("lab.host:uncover", "/usr/bin")


def test_pasta_with_addresses(lab, named):
    others = sum("pasta" in line for line in lab.running())
    with lab.jailed(identity="user", kept=restricted("github.com:*", more="allow-ip = 10.1.1.1\n")):
        assert sum("pasta" in line for line in lab.running()) == others + 1


def test_nothing_at_all(lab, named, identity):
    """A restricted jail without a line."""
    with lab.jailed(identity=identity, kept="network = restricted\n") as jail:
        no_such_name(named, jail, "github.com")
        assert jail.ask("talk", address="1.1.1.1", port=7, steps=[])["errno"] == "EHOSTUNREACH"
    with lab.jailed(identity=identity, options=("--network", "restricted")) as jail:
        no_such_name(named, jail, "github.com")


def test_the_option_tightens(lab, named):
    for configured, wanted, status in (
        ("internet", "restricted", 0), ("restricted", "none", 0), ("restricted", "restricted", 0), ("restricted", "internet", 125),
        ("none", "restricted", 125),
    ):  # fmt: skip
        result = lab.jail("true", options=("--network", wanted), kept=f"network = {configured}\n", identity="user")
        assert result.status == status, (configured, wanted, result)


@pytest.mark.parametrize("shape", ["ipv4-only", "ipv6-only", "odd-address", "tailscale", "wireguard", "split-vpn", "two-defaults", "office"])
def test_hosts_of_other_shapes(open_lab, shape):
    lab = open_lab(shape)
    with contextlib.closing(Named(lab)) as named:
        lab.resolv(f"nameserver {RESOLVER6 if shape == 'ipv6-only' else RESOLVER4}\n")
        named.zone(ZONE)
        with lab.jailed(identity="user", kept=ANYWHERE) as jail, lab.outside(identity="user") as host:
            reached(named, jail, "github.com")
            for address in (SHARED4, SHARED6):
                outside = host.ask("talk", address=address, port=ECHO, steps=[])["errno"]
                inside = jail.ask("talk", name=fresh(named, address), port=ECHO, steps=[])["errno"]
                assert inside == outside, (address, inside, outside)
            # What is internal on this host alone.
            for address in {"office": ["45.45.45.7", "203.0.113.9", "45.33.99.9", "172.17.0.5"], "tailscale": ["100.100.100.100", "203.0.113.9"],
                            "split-vpn": ["203.0.113.9", "10.8.0.9"], "odd-address": ["192.0.0.2"]}.get(shape, []):  # fmt: skip
                refused(named, jail, "EHOSTUNREACH", name=fresh(named, address))


def test_a_host_without_a_way_out(open_lab):
    lab = open_lab("no-default")
    with contextlib.closing(Named(lab)) as named:
        lab.resolv(f"nameserver {RESOLVER4}\n")
        named.zone(ZONE)
        with lab.jailed(identity="user", kept=ANYWHERE) as jail, lab.outside(identity="user") as host:
            for where in (host, jail):
                assert where.ask("talk", name="github.com", port=ECHO, steps=[])["errno"] == "ENETUNREACH"


@pytest.mark.parametrize("taken", ["addr add 198.19.64.9/24 dev eth0", "route add 198.19.0.0/16 dev eth0"])
def test_the_pool_is_clear_of_what_the_host_uses(lab, named, taken):
    lab.call("lab.host:ip", taken)
    try:
        with lab.jailed(identity="user", kept=ANYWHERE) as jail:
            reached(named, jail, "github.com")
            (address,) = jail.ask("getaddrinfo", name="github.com")["addresses"]
            assert not address.startswith("198.19.")
    finally:
        lab.call("lab.host:ip", taken.replace(" add ", " del ", 1))
    with lab.jailed(identity="user", kept=ANYWHERE) as jail:
        assert jail.ask("getaddrinfo", name="github.com")["addresses"][0].startswith("198.19.")
