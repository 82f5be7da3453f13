"""What the tests of reachability share: how to show that an address was reached, or refused without a packet."""

from lab.services import ECHO

AT_ONCE = 1.0  # seconds; a neighbour that does not answer costs three
FILTER4, FILTER6 = {"EHOSTUNREACH"}, {"EACCES"}  # the tap filter, answered by the supervisor
ROUTE = FILTER4 | FILTER6  # the refusal link, answered by the supervisor: of the two, the family's
BLACKHOLE = {"EINVAL"}  # a route, where no supervisor holds the refusal link any more
NONE = {"ENETUNREACH"}  # no route at all


def walked_past(kind, address, bind):
    """Who refuses: the filter, where the bind makes the kernel forget the routes, or the route itself.

    TCP looks at SO_BINDTODEVICE alone; the other options are for datagrams. Both are the supervisor's words.
    """
    if address.startswith("fe80:") and kind == "tcp" and bind != "device":
        return {"EINVAL"}  # it needs a link: the kernel looks no further
    return by_supervisor(address)


def by_supervisor(address):
    """What a program is told of an address: an IPv4 packet's errors, also where the socket is of the other family."""
    mapped = address.startswith("::ffff:") and "." in address
    return FILTER6 if ":" in address and not mapped else FILTER4


def reached(lab, jail, kind, address, port=ECHO, **how):
    """The probe was answered, and the witness saw it. A datagram may be lost: it is sent once more."""
    token = _token(lab)
    answer = jail.ask(kind, address=address, port=port, token=token, **how)
    if kind == "udp" and answer["errno"] == "SILENCE":
        answer = jail.ask(kind, address=address, port=port, token=token, **how)
    assert (answer["errno"], answer.get("answer")) == (None, token), answer
    assert lab.seen(place="world", token=token)
    return answer


def refused(lab, jail, kind, address, expected, port=ECHO, internet="1.1.1.1", **how):
    """The probe failed at once with an expected error, and no packet for it arrived anywhere.

    `internet` is reached through the same jail afterwards: what went into the uplink before it has left by then, or
    never will.
    """
    token = _token(lab)
    answer = jail.ask(kind, address=address, port=port, token=token, **how)
    assert answer["errno"] in (by_supervisor(address) if expected is ROUTE else expected), answer
    assert answer["seconds"] < AT_ONCE, answer
    if internet:
        reached(lab, jail, "udp", internet)
    silent(lab, address, token)
    return answer


def silent(lab, address, token):
    assert lab.seen(token=token) == []
    named = [event for event in lab.seen() if address in (event.get("dst"), event.get("asks"), event.get("local", "").split(":")[0])]
    assert named == []
    assert [event for event in lab.seen(place="host") if "service" in event] == []


def sent(lab):
    """What arrived in the world, but for what neighbours say to each other."""
    return [e for e in lab.seen(place="world") if e.get("dst") != "198.51.100.1" and not e.get("dst", "").startswith("ff02:")]


def _token(lab):
    lab.forget()
    _token.serial += 1
    return f"token-{_token.serial:x}"


_token.serial = 0
