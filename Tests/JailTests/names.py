"""What the tests about names share: the servers that names lead to, and how to show that a name was reached, or that nobody was asked."""

import json

from lab.lab import PYTHON, TESTS
from lab.named import ECHO, OTHER4, OTHER6, RESOLVER4, SHARED4, SHARED6

DEAD4, DEAD6 = "45.44.44.44", "2606:4700:44::44"  # nobody answers
UNREACHABLE4 = "45.43.43.43"  # a router says so
INTERNAL4, INTERNAL6 = "10.20.0.6", "fd12:3456::6"
API4 = "45.50.50.50"  # of the Messages API
NOBODY = 9999  # a port that refuses
RESOLV = f"nameserver {RESOLVER4}\nsearch lab.test\noptions ndots:1 timeout:2 attempts:2\n"
WITHIN = 1.0  # seconds

BOTH = {"A": [SHARED4], "AAAA": [SHARED6]}
ZONE = {
    # Several names on one address.
    "github.com": BOTH, "api.github.com": BOTH, "deep.api.github.com": BOTH, "gist.github.com": BOTH,
    "evilgithub.com": BOTH, "github.com.evil.test": BOTH, "github.co": BOTH, "com": BOTH,
    "pypi.org": BOTH, "files.pypi.org": BOTH, "registry.npmjs.org": BOTH, "deb.debian.org": BOTH, "neighbour.test": BOTH, "web.lab.test": BOTH, "hub.lab.test": BOTH,
    "xn--bcher-kva.test": BOTH, "under_score.test": BOTH,
    # Claude Code's own, and others of its maker's.
    "api.anthropic.com": {"A": [API4]}, "claude.ai": BOTH, "claude.com": BOTH, "platform.claude.com": BOTH, "downloads.claude.ai": BOTH,
    "statsig.anthropic.com": BOTH, "mcp-proxy.anthropic.com": BOTH, "storage.googleapis.com": BOTH,
    # Elsewhere.
    "alias.github.com": {"CNAME": "cdn.outside.test"}, "cdn.outside.test": {"A": [OTHER4], "AAAA": [OTHER6]},
    "points-at-github.test": {"CNAME": "github.com"},
    **{f"chain{n}.github.com": {"CNAME": f"chain{n + 1}.github.com"} for n in range(8)}, "chain8.github.com": BOTH,
    "loop.github.com": {"CNAME": "loop.github.com"},
    # One family, or a family that is dead.
    "four.test": {"A": [SHARED4]}, "six.test": {"AAAA": [SHARED6]}, "empty.test": {},
    "deadsix.test": {"A": [SHARED4], "AAAA": [DEAD6]}, "deadfour.test": {"A": [DEAD4], "AAAA": [SHARED6]},
    "second.test": {"A": [DEAD4, SHARED4]},
    "down.test": {"A": [DEAD4]}, "unreachable.test": {"A": [UNREACHABLE4]},
    # What goes wrong in a lookup.
    "servfail.test": {"code": 2}, "refused.test": {"code": 5}, "silent.test": {"code": -1},
    "slow.test": {**BOTH, "delay": 0.5}, "truncated.test": {**BOTH, "truncated": 1},
    # Names that lead where they must not.
    "device.test": {"A": [INTERNAL4]}, "device6.test": {"AAAA": [INTERNAL6]},
    "half.test": {"A": [INTERNAL4, SHARED4]},
    # Types that are no address.
    "typed.test": {**BOTH, "TXT": ["hello"], "MX": ["mail.typed.test"], "SRV": ["typed.test"], "HTTPS": ["typed.test"]},
    **{f"a{n}.many.test": BOTH for n in range(3)}, "*.wild.test": BOTH,
}  # fmt: skip
CERTIFIED = [name for name, entry in ZONE.items() if entry is BOTH or name == "api.anthropic.com" or "CNAME" in entry and "loop" not in name]


class Named:
    """The servers and their name server; see lab/named.py."""

    def __init__(self, lab):
        self.lab = lab
        command = ["nsenter", "--net=/run/netns/world", PYTHON, "-B", "-I", f"{TESTS}/lab/named.py", *CERTIFIED]
        self.process = lab.start(command, identity="root")
        if self.process.read_line() != "listening\n":
            raise RuntimeError(f"the named servers did not start: {self.process.communicate().err}")
        lab.call("lab.host:ip", f"route add blackhole {DEAD4}\n-6 route add blackhole {DEAD6}\nroute add unreachable {UNREACHABLE4}", True)
        for link in ("all", "w0"):  # or nobody says "unreachable"
            lab.call("lab.host:sysctl", f"net/ipv4/conf/{link}/forwarding", "1", True)

    def ask(self, ask, **arguments):
        self.process.write(json.dumps({"ask": ask, "with": arguments}) + "\n")
        return json.loads(self.process.read_line())

    def zone(self, names):
        """Put names into the zone."""
        self.ask("zone", names=names)

    def forget(self):
        self.ask("forget")
        self.lab.forget()

    def asked(self, part=""):
        """The questions that the name server got, of names with this in them."""
        return [query for query in self.ask("queries") if part in query["name"]]

    def connections(self, **fields):
        """The connections that the servers got, in order, of which every named field has that value."""
        return [one for one in self.ask("connections") if all(one.get(name) == value for name, value in fields.items())]

    def close(self):
        self.process.signal(9)
        self.process.close()


def restricted(*domains, more=""):
    """A configuration with these names and nothing else."""
    return "network = restricted\n" + "".join(f"allow-domain = {domain}\n" for domain in domains) + more


def reached(named, jail, name, port=ECHO, **how):
    """A connection to the name was answered, by a server of the world."""
    token = _token(named)
    line = token + "\n"  # what could become the method of a request is held back
    answer = jail.ask("talk", name=name, port=port, steps=[["send", line], ["receive", len(line)]], **how)
    assert (answer["errno"], answer.get("got")) == (None, [line]), answer
    assert named.lab.seen(place="world", token=token)
    return answer


def no_such_name(named, jail, name):
    """The name does not exist, at once, and nobody was asked."""
    named.forget()
    answer = jail.ask("talk", name=name, port=ECHO, steps=[])
    assert answer["errno"] == "EAI_NONAME" and answer["seconds"] < WITHIN, answer
    assert named.asked() == []
    silent(named)


def refused(named, jail, expected, port=ECHO, **how):
    """A connection to a name or an address failed at once with this error, and nothing was sent to a server for it."""
    token = _token(named)
    answer = jail.ask("talk", port=port, steps=[["send", token], ["receive", 1]], **how)
    assert answer["errno"] == expected and answer["seconds"] < WITHIN, answer
    assert named.lab.seen(token=token) == []
    silent(named)
    return answer


def silent(named):
    """No connection was opened in the world, and nothing arrived on the host's loopback."""
    assert [event for event in named.lab.seen(place="world", proto="tcp") if event.get("opens") and event["dport"] != 53] == []
    assert [event for event in named.lab.seen(place="host") if "service" in event] == []


def _token(named):
    named.forget()
    _token.serial += 1
    return f"token-n{_token.serial:x}"


_token.serial = 0
