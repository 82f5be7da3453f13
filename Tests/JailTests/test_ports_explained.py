"""What `explain`, `config` and `run --dry-run` say of ports that lead into a jail and out of it."""

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE
from test_json import check_object

LINES = "allow-host-port = 5432:15432\nallow-host-port = 8000-8009/udp\npublish = 127.0.0.1:8080:5173\npublish = auto\n"


@pytest.fixture(autouse=True)
def put_back(lab):
    yield
    lab.call("lab.host:remove", CONFIGURATION)


@pytest.mark.parametrize("mode", ["internet", "restricted", "none"])
@pytest.mark.parametrize(
    "asked, status, destination, about, because",
    [
        ("localhost:15432", 0, "localhost:15432/tcp", "5432:15432", f"{CONFIGURATION}:2:1: allow-host-port = 5432:15432: this host's port 5432"),
        ("host.docker.internal:15432", 0, "host.docker.internal:15432/tcp", "5432:15432", f"{CONFIGURATION}:2:1: "),
        ("[::1]:8003/udp", 0, "[::1]:8003/udp", "8000-8009/udp", "this host's port 8003"),
        ("localhost:5173", 1, "localhost:5173/tcp", "127.0.0.1:8080:5173", "the jail's own, which this host finds at port 8080"),
        ("127.0.0.1:3000/tcp", 1, "127.0.0.1:3000/tcp", "auto", "the next free one"),
        ("localhost:22", 1, "localhost:22", "-", "for this host's write allow-host-port = 22"),
    ],
)  # fmt: skip
def test_explain(lab, identity, mode, asked, status, destination, about, because):
    lab.configure(f"network = {mode}\n{LINES}")
    for run in (lab.sandbox, lambda *words, **how: lab.jail(EXECUTABLE, *words, **how)):
        plain = run("explain", asked, identity=identity)
        assert plain.status == status and plain.out.startswith(f"{destination}  "), plain
        assert because in plain.out and f"  {about}  " in plain.out
        answer = run("explain", asked, "--json", identity=identity).json
        check_object(answer, "explain")
        assert answer["verdict"] == ("blocked" if status else "reachable")


def test_the_hosts_name_without_a_port(lab, identity):
    lab.configure("")
    result = lab.sandbox("explain", "host.docker.internal:5432", identity=identity)
    assert result.status == 1 and "write allow-host-port = 5432" in result.out, result


def test_config_and_dry_run(lab, identity):
    lab.configure(LINES)
    lines = [line.split("  ")[0] for line in lab.sandbox("config", identity=identity).out.splitlines()]
    assert [line for line in lines if "host-port" in line or "publish" in line] == LINES.splitlines()
    config = lab.sandbox("config", "--json", identity=identity).json
    check_object(config, "config")
    assert [(row["key"], row["value"], row["protocol"], row["origin"]["line"]) for row in config["ports"]] == [
        ("allow-host-port", "5432:15432", "tcp", 1), ("allow-host-port", "8000-8009/udp", "udp", 2),
        ("publish", "127.0.0.1:8080:5173", "tcp", 3), ("publish", "auto", "tcp", 4),
    ]  # fmt: skip
    assert config["ports"][0]["outside"] == {"first": 5432, "last": 5432} and config["ports"][0]["inside"] == {"first": 15432, "last": 15432}
    assert config["ports"][2]["address"] == "127.0.0.1" and "address" not in config["ports"][0] and "outside" not in config["ports"][3]
    words = ["run", "--publish", "0:3000", "--network", "none", "--dry-run"]
    plan = lab.sandbox(*words, "--json", identity=identity).json
    check_object(plan, "run --dry-run")
    assert plan["ports"][:4] == config["ports"]
    assert (plan["ports"][4]["value"], plan["ports"][4]["origin"]["kind"]) == ("0:3000", "option")
    said = lab.sandbox(*words, identity=identity).out
    assert "ports, out of the jail and into it:\n  allow-host-port  5432:15432" in said and "0:3000" in said and "--publish" in said


def test_an_address_of_the_network_is_a_warning(lab, identity):
    lab.configure("publish = 127.0.0.1:1:1\npublish = [::]:8080:80\npublish = 192.168.7.2:8080:81\n")
    for words in (["config"], ["config", "--check"]):
        warnings = [line for line in lab.sandbox(*words, identity=identity).err.splitlines() if "warning: " in line]
        assert warnings == [
            f"claude-sandbox: warning: {CONFIGURATION}:2:1: publish = [::]:8080:80: every host that reaches this one reaches what listens at port 80 of a jail",
            f"claude-sandbox: warning: {CONFIGURATION}:3:1: publish = 192.168.7.2:8080:81: whoever reaches 192.168.7.2 reaches what listens at port 81 of a jail",
        ]
