"""Addresses that a program in a jail would open in a browser: they are printed for somebody who has one."""

import pathlib
import shutil

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE
from lab.lab import PYTHON
from test_install import SOURCE
from test_terminal import Terminal

PRINTER = "/srv/lab/share/claude-sandbox/open-url"
URL = "https://login.example/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A43210&state=x"
TEXT = f"open this address in a browser outside of the jail: {URL}"
# As the programs that log in do it; xdg-open where it is installed.
OPENERS = [[PYTHON, "-I", "-m", "webbrowser"], *([["xdg-open"]] if shutil.which("xdg-open") else [])]
DESKTOP = {"BROWSER": "/bin/false", "DISPLAY": ":0", "XDG_CURRENT_DESKTOP": "GNOME", "DESKTOP_SESSION": "gnome", "KDE_FULL_SESSION": "true"}


@pytest.fixture(autouse=True)
def printer(lab):
    lab.call("lab.host:write", PRINTER, (SOURCE / "share/open-url").read_text(), {"mode": 0o755})
    yield
    lab.call("lab.host:remove", str(pathlib.Path(PRINTER).parent))
    lab.call("lab.host:remove", CONFIGURATION)


@pytest.mark.parametrize("opener", OPENERS, ids=[opener[-1] for opener in OPENERS])
def test_without_a_terminal_it_is_on_standard_error(lab, identity, opener):
    """In every mode, whatever desktop the caller has."""
    for mode in ("internet", "none"):
        result = lab.jail(*opener, URL, options=["--network", mode], identity=identity, add_env=DESKTOP)
        assert TEXT in result.err.splitlines() and result.status == 0, result
        assert "\x1b" not in result.err


def test_the_terminal_has_it_whatever_is_redirected(lab, identity):
    script = 'python3 -I -m webbrowser "$0" >/dev/null 2>&1'
    terminal = Terminal(lab, [EXECUTABLE, "run", "--", "sh", "-c", script, URL], identity)
    try:
        terminal.expect("\r\nopen this address in a browser outside of the jail: " + URL.replace("?", r"\?"))
        assert terminal.wait() == 0
    finally:
        terminal.close()


def test_a_terminal_does_not_act_on_it(lab, identity):
    result = lab.jail("sh", "-c", '"$BROWSER" "$0"', "http://a/\x1b]0;x\x07\n\u009b2J é!~", identity=identity)
    assert result.err == "open this address in a browser outside of the jail: http://a/%1b]0;x%07%0a%c2%9b2J%20%c3%a9!~\n"


def test_where_it_is_not_installed_the_callers_stays(lab, identity):
    lab.call("lab.host:remove", PRINTER)
    result = lab.jail("sh", "-c", 'echo "$BROWSER"', identity=identity, add_env={"BROWSER": "/opt/w3m"})
    assert result.out == "/opt/w3m\n"
