"""`verify` in a jail with doors: each opens, and the numbers beside it are closed."""

import json

import pytest
from lab.filesystem import EXECUTABLE
from ports import in_jail, on_host
from test_verify import states

ROWS = ["the host's ports", "beside the host's ports"]
RULES = "network = none\nallow-host-port = 6001\nallow-host-port = 6010-6012\nallow-host-port = 6020/udp\npublish = 0:7001\n"


def test_from_outside(lab, identity):
    lab.configure(RULES)
    with on_host(lab, "host", "tcp:127.0.0.1:6001", "tcp:[::1]:6010"):
        result = lab.sandbox("verify", "--json", "--offline", identity=identity)
    found = states(result)
    assert [found[name] for name in [*ROWS, "the host's loopback"]] == ["ok"] * 3, result
    rows = {row["name"]: row["tried"] for row in json.loads(result.out)["checks"]}
    assert rows[ROWS[1]] == "connect to localhost:6000, 6002, 6009, 6013, 6019, 6021"


def test_without_ports(lab):
    lab.configure("network = none\n")
    assert not set(ROWS) & set(states(lab.sandbox("verify", "--json", "--offline", identity="user")))


@pytest.mark.parametrize("place", ["tcp:127.0.0.1:6002", "tcp:[::1]:6002"])
def test_it_fails_where_a_neighbour_answers(lab, place):
    lab.configure("network = none\nallow-host-port = 6001\n")
    with lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", place)
        answer = jail.ask("run", argv=[EXECUTABLE, "verify", "--json", "--offline"])
        found = {row["name"]: row["state"] for row in json.loads(answer["out"])["checks"]}
        assert (answer["status"], found[ROWS[1]]) == (1, "failed"), answer
