"""Fixtures: a lab for each module, each kind of caller, jails that stay for a module's probes.

A module chooses its network with `SHAPE = "office"`; see lab/shape.py for the names.
"""

import contextlib
import os
import sys

import pytest

sys.dont_write_bytecode = True

from lab import SHAPES, Identity, Lab  # noqa: E402
from lab.filesystem import TUN  # noqa: E402
from lab.lab import executable  # noqa: E402
from names import RESOLV, ZONE, Named  # noqa: E402
from unix import SOCKET  # noqa: E402

MUST_RUN = os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything must run, a skipped test is a failed one."""
    report = (yield).get_result()
    if MUST_RUN and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although CLAUDE_SANDBOX_TESTS_MUST_RUN=1: {report.longrepr}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    report = (yield).get_result()
    if MUST_RUN and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although CLAUDE_SANDBOX_TESTS_MUST_RUN=1: {report.longrepr}"


def pytest_collection_modifyitems(items):
    """Without root the lab is a user namespace in which no file belongs to whom a launcher trusts: only the lab is tested."""
    for item in items:
        if os.getuid() and item.path.name != "test_lab.py":
            item.add_marker(pytest.mark.skip("launches are tested as root"))


@pytest.fixture(scope="module")
def open_lab():
    """A function that opens a lab of the named shape, or hands out the one this module already has.

    `purpose` tells several of one shape apart.
    """
    with contextlib.ExitStack() as stack:
        labs = {}

        def open_one(name, purpose=""):
            if os.getuid() and SHAPES[name].tunnels and not os.access(TUN, os.R_OK | os.W_OK):
                pytest.skip(f"{TUN} is root's alone")
            if (name, purpose) not in labs:
                labs[name, purpose] = Lab(SHAPES[name])
                stack.callback(labs[name, purpose].close)
            return labs[name, purpose]

        yield open_one


@pytest.fixture(scope="module")
def module_lab(request, open_lab):
    return open_lab(getattr(request.module, "SHAPE", "plain"))


@pytest.fixture
def lab(module_lab):
    """The module's lab, with a default host and nothing seen yet. Needs the executable."""
    if not os.path.exists(executable()):
        pytest.skip(f"{executable()} is not built")
    module_lab.reset()
    module_lab.forget()
    return module_lab


@pytest.fixture(params=[identity.value for identity in Identity])
def identity(request, module_lab):
    """Each kind of caller."""
    if request.param not in [known.value for known in module_lab.identities]:
        pytest.skip("only root can become this caller")
    return request.param


@pytest.fixture(scope="module")
def staying(open_lab):
    """A function that hands out the jail of a lab, caller and configuration, started once a module."""
    with contextlib.ExitStack() as stack:
        jails = {}

        def enter(lab, identity, configuration="", options=(), outside=False):
            key = (id(lab), identity, configuration, tuple(options), outside)
            if key not in jails:
                make = lab.outside if outside else lab.jailed
                arguments = {} if outside else {"options": options, "kept": configuration}
                jails[key] = stack.enter_context(make(identity=identity, **arguments))
                lab.forget()
            return jails[key]

        yield enter


@pytest.fixture(scope="module")
def named_servers(module_lab):
    servers = Named(module_lab)
    yield servers
    servers.close()


@pytest.fixture
def named(lab, named_servers):
    """The servers that names lead to, and their name server as the host's resolver; nothing seen yet."""
    named_servers.zone(ZONE)
    named_servers.forget()
    lab.resolv(RESOLV)
    return named_servers


@pytest.fixture
def serve(lab):
    """A function that puts a daemon behind sockets on the host, as root unless told otherwise."""
    daemons = []

    def start(*paths, identity="root"):
        daemon = lab.start(["/usr/bin/python3", "-B", "-I", "-c", SOCKET.format(paths=paths)], identity=identity)
        assert daemon.read_line() == "listening\n"
        daemons.append((daemon, paths))

    yield start
    for daemon, paths in daemons:
        daemon.signal(9)
        daemon.close()
        for path in paths:
            lab.call("lab.host:remove", path)


@pytest.fixture
def clean(lab):
    """Asserts that the test left no process, namespace, mount, link or file behind."""
    before = lab.call("lab.residue:take")
    yield
    left = lab.call("lab.residue:compare", before)
    lab.call("lab.residue:remove", left)
    assert left == {}
