"""docs/how-to/only-these-hosts.md: its configurations are valid, and open what the page says."""

import pathlib
import re

import pytest

PAGE = (pathlib.Path(__file__).parents[2] / "docs/how-to/only-these-hosts.md").read_text()
BLOCKS = dict(re.findall(r"^<!-- tried by Tests/JailTests/test_only_these_hosts\.py: (.*?) -->\n```\n(.*?)^```$", PAGE, re.M | re.S))

# What is asked of each, and whether all, some or nothing of it is reachable. Names that are open are looked up where they lead to.
ASKED = {
    "claude-cage, allowlist": {
        "github.com:443": "reachable", "github.com:22": "blocked", "gist.github.com:443": "blocked", "evilgithub.com:443": "blocked",
        "registry.npmjs.org:443": "reachable", "pypi.org:8080": "reachable", "files.pypi.org:443": "blocked",
        "1.2.3.4:80/tcp": "reachable", "1.2.3.4:22/tcp": "blocked", "5.6.7.8": "reachable", "45.33.7.7:443": "blocked",
        "10.0.0.7:443/tcp": "reachable", "10.0.0.7:80": "blocked", "10.0.1.7:443": "blocked", "192.168.1.9:5432/tcp": "reachable",
    },
    "claude-cage, blocklist": {
        "10.1.1.1:443": "reachable", "10.1.1.1:22": "blocked", "10.1.1.1:3389": "blocked", "192.168.1.7": "blocked", "169.254.169.254": "blocked",
        "internal.company.com:443": "blocked", "vault.company.com:443": "blocked", "admin.local": "blocked", "github.com:443": "reachable",
        "45.33.7.7:443": "reachable",
    },
    "claude-cage, exceptions": {
        "192.168.1.50:3000": "reachable", "192.168.1.50:3001": "blocked", "192.168.1.51:8080": "reachable", "192.168.1.52:3000": "blocked",
        "45.33.7.7:443": "reachable",
    },
    "ccpod, restricted": {
        "api.github.com:443": "reachable", "api.github.com:9000": "reachable", "github.com:443": "blocked", "deep.api.github.com:443": "blocked",
        "api.anthropic.com:443": "reachable", "registry.npmjs.org:443": "reachable", "45.33.7.7:443": "blocked",
    },
    "Warden, presets": {
        "api.anthropic.com:443": "reachable", "github.com:22": "reachable", "registry.npmjs.org:443": "reachable", "pypi.org:443": "reachable",
        "neighbour.test:443": "blocked", "gist.github.com:443": "blocked", "proxy.golang.org:22": "blocked",
    },
}  # fmt: skip
STATUS = {"reachable": 0, "blocked": 1}


def test_every_block_is_tried():
    assert set(BLOCKS) == set(ASKED)


@pytest.mark.parametrize("title", ASKED)
def test_it_opens_what_the_page_says(lab, named, title):
    lab.configure(BLOCKS[title])
    checked = lab.sandbox("config", "--check", identity="user")
    # Where everything else is open, a blocked name leaves its addresses so.
    assert checked.status == 0 and ("stay open" in checked.err) == ("block-domain" in BLOCKS[title])
    for destination, verdict in ASKED[title].items():
        result = lab.sandbox("explain", destination, identity="user")
        assert result.status == STATUS[verdict], (destination, result)


def test_the_other_blocks_are_valid(lab):
    """Of the page, in a project and in /etc."""
    blocks = [text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S) if not kind]
    first, project = blocks[0], next(block for block in blocks if "registry.example.org" in block)
    lab.configure(first)
    assert lab.sandbox("config", "--check", identity="user").status == 0
    lab.configure("")
    lab.call("lab.host:write", "/tmp/.claude-sandbox.conf", project, {})
    result = lab.sandbox("config", "--check", identity="user", cwd="/tmp")
    lab.call("lab.host:remove", "/tmp/.claude-sandbox.conf")
    assert (result.status, result.err) == (0, "")


def test_precedence(lab, named):
    lab.configure("allow-net = 10.0.0.0/8\nblock-ip = 10.0.0.5\n")
    assert lab.sandbox("explain", "10.0.0.5").status == 1 and lab.sandbox("explain", "10.0.0.6").status == 0
    lab.configure("network = restricted\nblock-domain = github.com\nallow-domain = =api.github.com\nallow-domain = pypi.org\n")
    assert lab.sandbox("explain", "api.github.com:443").status == 0
    assert lab.sandbox("explain", "gist.github.com:443").status == 1
