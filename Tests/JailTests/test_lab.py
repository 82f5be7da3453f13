"""The lab itself: if these fail, no other result means anything."""

import os
import signal

import pytest
from lab import SHAPES, Identity
from lab.filesystem import TUN
from lab.lab import PYTHON
from lab.services import CANARY, CANARY_ABSTRACT, CANARY_LOOPBACK, CANARY_UNIX, DEVICE, ECHO
from lab.shape import CLOSED4, HOST4, HOST6, SILENT4, TINY4


@pytest.fixture
def host(module_lab):
    """The host without any jail; no executable needed."""
    module_lab.reset()
    with module_lab.outside(identity=module_lab.identities[0]) as prober:
        module_lab.forget()
        yield prober


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("no-default", "ipv6-only")])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_the_world_answers_on_every_ipv4_address(open_lab, staying, shape, kind):
    lab = open_lab(shape)
    host = staying(lab, lab.identities[0], outside=True)
    for address in ("1.1.1.1", "223.255.255.1"):
        answer = host.ask(kind, address=address, port=ECHO, token="token-a")
        assert answer.get("answer") == "token-a" and answer["peer"] == address
        assert lab.seen(place="world", proto=kind, dst=address, token="token-a")


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("no-default", "ipv4-only")])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_the_world_answers_on_every_ipv6_address(open_lab, staying, shape, kind):
    lab = open_lab(shape)
    host = staying(lab, lab.identities[0], outside=True)
    answer = host.ask(kind, address="2606:4700::1111", port=ECHO, token="token-a")
    assert answer.get("answer") == "token-a" and answer["peer"] == "2606:4700::1111"


@pytest.mark.parametrize("shape", SHAPES)
def test_no_link_leads_out(open_lab, shape):
    lab = open_lab(shape)
    links = {name for name, _ in (*lab.shape.links, *lab.shape.tunnels)}
    assert set(lab.call("lab.host:links")) == {"lo"} | links
    assert os.readlink("/proc/self/ns/net") not in lab.call("lab.residue:namespaces")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", HOST4, HOST6])
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_canaries_sing(module_lab, host, kind, address):
    assert host.ask(kind, address=address, port=CANARY, token="token-b")["answer"] == "token-b"
    assert [event for event in module_lab.seen(place="host") if "service" in event]


def test_canaries_on_the_loopback_only(module_lab, host):
    assert host.ask("tcp", address="127.0.0.1", port=CANARY_LOOPBACK, token="token-b")["answer"] == "token-b"
    assert host.ask("tcp", address=HOST4, port=CANARY_LOOPBACK)["errno"] == "ECONNREFUSED"


@pytest.mark.parametrize("path", [CANARY_UNIX, CANARY_ABSTRACT])
def test_unix_canaries(module_lab, host, path):
    assert host.ask("unix", path=path)["errno"] is None
    assert module_lab.seen(place="host", service="stream", local=path)


def test_the_witness_sees_multicast_and_broadcast(module_lab, host):
    host.ask("udp", address="239.1.2.3", port=5353, token="token-c", timeout=0.1, bind="multicast-if", link="eth0")
    host.ask("udp", address="198.51.100.255", port=5353, token="token-d", timeout=0.1, broadcast=True)
    assert module_lab.seen(place="world", token="token-c", dst="239.1.2.3")
    assert module_lab.seen(place="world", token="token-d")


def test_the_witness_forgets(module_lab, host):
    host.ask("udp", address="1.1.1.1", port=ECHO, token="token-e")
    assert module_lab.seen(token="token-e")
    module_lab.forget()
    assert not module_lab.seen(token="token-e")


HELD = """
import socket, sys
sys.held = socket.create_connection((%r, 7), 5); sys.held.sendall(b"token-f"); result = sys.held.recv(9).decode()
"""


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111"])
def test_the_end_of_an_earlier_connection_is_no_sign(module_lab, host, address, reset):
    """Its closing segments come when they like. What it carries after `forget` is seen, and so is a new connection."""
    assert host.ask("evaluate", code=HELD % address)["result"] == "token-f"
    module_lab.forget()
    assert host.ask("evaluate", code="sys.held.sendall(b'token-g'); result = sys.held.recv(9).decode()")["result"] == "token-g"
    assert [packet["token"] for packet in module_lab.seen(dst=address)] == ["token-g"]
    module_lab.forget()
    linger = f"sys.own = sys.held.getsockname(); sys.held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', {int(reset)}, 0))"
    assert host.ask("evaluate", code=f"{linger}; sys.held.close()")["errno"] is None
    assert module_lab.seen(dst=address) == []
    # After a reset the port is free at once: a new connection, although it looks like the old one.
    bind = "sys.held.bind(sys.own)" if reset else "pass"
    code = f"sys.held = socket.socket(socket.AF_INET{'6' * (':' in address)}); {bind}; sys.held.connect(({address!r}, 7))"
    assert host.ask("evaluate", code=code)["errno"] is None
    assert [packet["opens"] for packet in module_lab.seen(dst=address)] == [True, False]


def test_a_question_for_a_neighbour_is_seen(module_lab, host):
    """A packet that waits for a neighbour which nobody has: the question is all that arrives."""
    for address in ("198.51.100.200", "2600:99::200"):
        module_lab.call("lab.host:udp", address, ECHO, "token-h")
    assert module_lab.seen(proto="arp", dst="198.51.100.200")
    assert module_lab.seen(proto="icmp6", asks="2600:99::200")


def test_a_device_names_a_port(module_lab, host):
    answer = host.ask("udp", address="10.20.0.6", port=DEVICE, token="search")
    assert int(answer["answer"]) == module_lab.device_port


@pytest.mark.parametrize("name, addresses", [("web.lab.test", ["2606:4700::1111", "45.33.7.7"]), ("device", ["10.20.0.6"])])
def test_names_resolve_on_the_host(host, name, addresses):
    assert host.ask("getaddrinfo", name=name)["addresses"] == addresses


def test_the_tiny_nameserver_logs(module_lab, host):
    module_lab.resolv(f"nameserver {TINY4}\n")
    assert host.ask("getaddrinfo", name="any.test")["addresses"] == ["2606:4700::7", "45.33.7.7"]
    assert {query["type"] for query in module_lab.queries()} == {1, 28}


def test_resolvers_that_fail(host):
    query = "123401000001000000000000" + "03616e790474657374000001" + "0001"
    assert host.ask("dns", address=CLOSED4, hex=query)["errno"] == "ECONNREFUSED"
    assert host.ask("dns", address=SILENT4, hex=query, timeout=0.2)["errno"] == "SILENCE"


@pytest.mark.parametrize("shape, address, link", [
    ("split-vpn", "1.1.1.1", "wtun0"), ("split-vpn", "203.0.113.7", "w0"), ("pieces-vpn", "1.1.1.1", "wtun0"),
    ("wireguard", "1.1.1.1", "wwg0"), ("tailscale", "1.1.1.1", "w0"), ("tailscale", "203.0.113.7", "wtailscale0"),
    ("tailscale", "100.64.0.1", "wtailscale0"), ("two-defaults", "1.1.1.1", "w0"), ("two-defaults", "45.45.45.1", "w1"),
    ("office", "10.20.0.6", "w1"), ("office", "203.0.113.7", "w1"),
])  # fmt: skip
def test_shapes_route_as_they_say(open_lab, staying, shape, address, link):
    lab = open_lab(shape)
    lab.forget()
    assert staying(lab, lab.identities[0], outside=True).ask("udp", address=address, port=ECHO)["peer"] == address
    assert {packet["link"] for packet in lab.seen(place="world", dst=address)} == {link}


def test_without_a_default_route_nothing_is_reachable(open_lab, staying):
    lab = open_lab("no-default")
    host = staying(lab, lab.identities[0], outside=True)
    assert host.ask("tcp", address="1.1.1.1", port=ECHO)["errno"] == "ENETUNREACH"
    assert host.ask("tcp", address="10.20.0.6", port=ECHO)["errno"] is None


def test_identities(module_lab, identity):
    result = module_lab.run(["id", "-u"], identity=identity)
    assert result.out.strip() == str(Identity(identity).uid if os.getuid() == 0 else 0)
    assert module_lab.run(["cat", "/proc/self/uid_map"], identity=identity).out.split() == {
        "root": ["0", "0", "4294967295"], "user": ["0", "0", "4294967295"], "container": ["0", "1000", "1"],
    }[identity]  # fmt: skip


def test_the_tun_device_opens(module_lab, identity):
    if os.getuid() and not os.access(TUN, os.R_OK | os.W_OK):
        pytest.skip(f"{TUN} is root's alone")
    assert module_lab.run([PYTHON, "-c", "open('/dev/net/tun', 'r+b', 0)"], identity=identity).status == 0


def test_user_namespaces_can_be_forbidden(module_lab, identity):
    result = module_lab.run(["unshare", "-U", "true"], identity=identity, user_namespaces=False)
    assert result.status == 1 and "No space left" in result.err
    assert module_lab.run(["unshare", "-U", "true"], identity=identity).status == 0


def test_statuses_are_the_kernel_s(module_lab):
    assert module_lab.run(["sh", "-c", "exit 7"]).status == 7
    assert module_lab.run(["sh", "-c", "kill -TERM $$"]).status == -signal.SIGTERM


def test_descriptors_arrive_where_asked(module_lab, tmp_path):
    with open(tmp_path / "f", "w") as file:
        result = module_lab.run(["ls", "/proc/self/fd"], descriptors={3: file.fileno(), 100: file.fileno()})
    assert result.out.split() == ["0", "1", "100", "2", "3", "4"]


def test_residue_is_noticed(module_lab):
    """The leak detector detects: a process, a namespace, a file."""
    before = module_lab.call("lab.residue:take")
    left = module_lab.start(["unshare", "--net", "sleep", "100"])
    module_lab.call("lab.host:write", "/tmp/left", "", {})
    module_lab.run(["true"])
    residue = module_lab.call("lab.residue:compare", before, 0.2)
    assert set(residue) == {"processes", "namespaces", "files"}
    left.signal(signal.SIGKILL)
    left.wait()
    left.close()
    module_lab.call("lab.host:remove", "/tmp/left")
    assert module_lab.call("lab.residue:compare", before) == {}
