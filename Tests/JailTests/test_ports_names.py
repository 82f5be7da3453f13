"""The host's names in /etc/hosts of a jail that has ports of it: they come while it runs, too, and lead nowhere else."""

import pytest
from lab.filesystem import CONFIGURATION
from lab.shape import HOST4
from ports import LOOPBACK, becomes
from test_live import quiet

NAMES = ("host.docker.internal", "host.containers.internal")
HOSTS = f"127.0.0.1 localhost\n{HOST4} host.docker.internal box\n10.1.1.1 web.corp # kept\n"


@pytest.fixture(autouse=True)
def hosts(lab):
    lab.call("lab.host:write", "/etc/hosts", HOSTS, {})
    yield
    lab.call("lab.host:write", "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", {})
    lab.call("lab.host:remove", CONFIGURATION)


def addresses(jail, name):
    return jail.ask("getaddrinfo", name=name).get("addresses")


@pytest.mark.parametrize("identity", ["user"], indirect=True)
@pytest.mark.parametrize("mode", ["internet", "restricted", "none"])
def test_they_come_with_the_line(lab, identity, mode):
    lab.configure(f"network = {mode}\n")
    # In restricted the jail has a file of its own from the start.
    before = None if mode == "restricted" else [HOST4]
    with quiet(lab, identity) as jail:
        assert [addresses(jail, name) for name in NAMES] == [before, None]
        lab.configure(f"network = {mode}\nallow-host-port = 6001\n")
        becomes([sorted(LOOPBACK)] * 2, lambda: [addresses(jail, name) for name in NAMES])
        text = jail.ask("read", path="/etc/hosts")["text"]
        assert text.endswith("127.0.0.1 host.docker.internal host.containers.internal\n::1 host.docker.internal host.containers.internal\n")
        assert HOST4 not in text.replace(f"{HOST4} box", "") and ("web.corp # kept" in text) == (mode != "restricted")
        # Loopback's own name stays what it is called.
        assert jail.ask("evaluate", code="result = socket.gethostbyaddr('127.0.0.1')[0]")["result"] == "localhost"
    assert lab.call("lab.host:read", "/etc/hosts") == HOSTS


@pytest.mark.parametrize("mode", ["internet", "none"])
def test_from_the_start(lab, identity, mode):
    lab.configure(f"network = {mode}\nallow-host-port = 6001/udp\n")
    with lab.jailed(identity=identity) as jail:
        assert [addresses(jail, name) for name in (*NAMES, "box", "web.corp")] == [sorted(LOOPBACK)] * 2 + [[HOST4], ["10.1.1.1"]]
