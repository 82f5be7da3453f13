"""Programs that people run, with names: they work, and for "not allowed", "refused" and "down" say the words that they say outside."""

import io
import re
import shutil
import tarfile

import pytest
from lab.lab import PYTHON
from lab.named import CA, SHARED4
from names import NOBODY, restricted

WWW = "/srv/lab/www"
HOSTS = ("github.com", "pypi.org", "files.pypi.org", "registry.npmjs.org", "deb.debian.org", "refuses.test", "down.test")
CONFIGURATION = restricted(*(f"={host}:*" for host in HOSTS))
HOME = "/tmp/programs"
PLACES = f"{HOME}/lists/partial {HOME}/cache/archives/partial"
NPM = shutil.which("npm", path="/usr/bin:/bin")

NPM_OPTIONS = f"--cache {HOME}/npm --userconfig /dev/null --globalconfig {HOME}/npmrc --update-notifier=false --no-audit --no-fund"
ENVIRONMENT = [
    f"HOME={HOME}", "LC_ALL=C", f"NODE_EXTRA_CA_CERTS={CA}", "PYTHONWARNINGS=ignore", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
]  # fmt: skip

# What each is asked to do with a host and a port: {url} is where. A second of patience, and no second attempt.
COMMANDS = {
    "curl": "curl -sS --connect-timeout 1 {url}/",
    "git": "git -c http.lowSpeedTime=1 ls-remote {url}/src.git",
    "node": """node -e "fetch('{url}/', {{ signal: AbortSignal.timeout(1000) }}).then(r => r.text()).then(t => process.stdout.write(t))
        .catch(e => {{ console.log(e.name, e.cause && e.cause.code, e.cause && e.cause.message); process.exit() }})" """,
    "python": PYTHON + """ -I -c "import urllib.request as u; print(u.urlopen('{url}/', timeout=1).read().decode(), end='')" 2>&1 | tail -1""",
    "pip": PYTHON + " -m pip --isolated --disable-pip-version-check --no-cache-dir --retries 1 --timeout 1 --trusted-host {host} download --no-deps -d {home}/pip -i {url}/simple thing",
    "apt": "apt-get -q -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::sourcelist={home}/sources-{host}-{port}.list -o Dir::State::lists={home}/lists"
    " -o Dir::Cache={home}/cache -o APT::Sandbox::User= -o Acquire::http::Timeout=1 -o Acquire::Retries=0 -o Acquire::Languages=none update",
    **({"npm": "npm {npm} --loglevel error --fetch-retries 0 --fetch-timeout 1000 --registry {url}/ view thing version"} if NPM else {}),
}  # fmt: skip


@pytest.fixture
def jail(lab, named, staying):
    return prepared(named, staying(lab, "user", CONFIGURATION))


@pytest.fixture
def host(lab, named, staying):
    return prepared(named, staying(lab, "user", outside=True))


def prepared(named, where):
    named.zone({"refuses.test": {"A": [SHARED4]}})
    return where


def run(where, program, name, port=80, scheme="http"):
    """What the program says, without what differs anyway: how long it took, and by which address it went."""
    words = {"url": f"{scheme}://{name}" + ("" if port in (80, 443) else f":{port}"), "host": name, "port": port, "home": HOME, "npm": NPM_OPTIONS}
    script = f"mkdir -p {PLACES}; echo 'deb [trusted=yes] {words['url']}/debian ./' >{HOME}/sources-{name}-{port}.list; cd {HOME}; " + COMMANDS[program].format(**words)
    done = where.ask("run", argv=["env", *ENVIRONMENT, "sh", "-c", script], timeout=30)
    text = re.sub(r"\d+(\.\d+)? ?(ms|milliseconds|s\b|B/s)", "TIME", done["out"] + done["err"])
    text = re.sub(r"0x[0-9a-f]{6,}|_logs/\S+|in TIME", "X", text)
    return done["status"], re.sub(r"(\d+\.){3}\d+", "ADDRESS", text), done


@pytest.mark.parametrize("program", COMMANDS)
def test_a_name_that_is_not_allowed_is_one_that_does_not_exist(named, jail, host, program):
    """The very command, where the name does not exist and where it is not allowed."""
    outside = run(host, program, "missing.test")
    inside = run(jail, program, "missing.test")
    assert inside[:2] == outside[:2], (inside, outside)
    assert re.search("resolve|ENOTFOUND|not known|[Nn]ot found", inside[1]), inside


@pytest.mark.parametrize("program", COMMANDS)
def test_a_peer_that_refuses(named, jail, host, program):
    outside = run(host, program, "refuses.test", NOBODY)
    inside = run(jail, program, "refuses.test", NOBODY)
    assert inside[:2] == outside[:2], (inside, outside)
    assert re.search("refused|Couldn't connect|ECONNREFUSED", inside[1]), inside


@pytest.mark.parametrize("program", [name for name in COMMANDS if name not in ("git", "npm")])  # which wait for minutes, in both places
def test_a_peer_that_is_down(named, jail, host, program):
    outside = run(host, program, "down.test")
    inside = run(jail, program, "down.test")
    assert inside[:2] == outside[:2], (inside, outside)
    assert re.search("[Tt]ime|TIME", inside[1]), inside


# They work.


@pytest.fixture
def pages(lab, module_lab):
    """A repository, an index of Python packages, a registry, an archive of Debian packages."""
    lab.run(["sh", "-c", f"""
        cd /tmp && rm -rf src {WWW}/src.git && git -c init.defaultBranch=main init -q src && cd src && echo text > file && git add file &&
        git -c user.name=x -c user.email=x@x commit -qm one && cd .. && git clone -q --bare src {WWW}/src.git &&
        cd {WWW}/src.git && git update-server-info && rm -rf /tmp/src
        mkdir -p {WWW}/debian && : > {WWW}/debian/Packages && chmod -R a+rX {WWW}"""], identity="root")  # fmt: skip
    wheel = "thing-1.0-py3-none-any.whl"
    build = f"""
import zipfile
with zipfile.ZipFile({WWW + "/" + wheel!r}, "w") as file:
    file.writestr("thing.py", "print('a thing')\\n")
    file.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n")
    file.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: lab\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    file.writestr("thing-1.0.dist-info/RECORD", "")
"""
    assert lab.run([PYTHON, "-I", "-c", build], identity="root").status == 0
    lab.call("lab.host:write", f"{WWW}/simple/thing/index.html", f'<a href="https://files.pypi.org/{wheel}">{wheel}</a>', {})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in (("package/package.json", b'{"name": "thing", "version": "1.0.0"}'), ("package/index.js", b"console.log('a thing')")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    assert lab.run(["sh", "-c", f"mkdir -p {WWW}/npm; cat >{WWW}/npm/thing.tgz"], stdin=archive.getvalue(), identity="root").status == 0
    about = '{"name":"thing","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"thing","version":"1.0.0","dist":{"tarball":"https://registry.npmjs.org/npm/thing.tgz"}}}}'
    lab.call("lab.host:write", f"{WWW}/thing", about, {})
    lab.run(["chmod", "-R", "a+rX", WWW], identity="root")


WORKING = {
    "curl": ("curl -sS https://github.com/", "hello from github.com at"),
    "git": (f"rm -rf {HOME}/clone; git clone -q https://github.com/src.git {HOME}/clone && cat {HOME}/clone/file", "text\n"),
    "node": ("node -e \"fetch('https://github.com/').then(r => r.text()).then(t => process.stdout.write(t))\"", "hello from github.com at"),
    "python": (PYTHON + " -I -c \"import urllib.request as u; print(u.urlopen('https://github.com/').read().decode())\"", "hello from github.com at"),
    "pip": (PYTHON + f" -m pip --isolated -q --disable-pip-version-check --no-cache-dir install --no-deps --target {HOME}/target -i https://pypi.org/simple thing"
            f" && cd {HOME}/target && {PYTHON} -c 'import thing'", "a thing\n"),
    "apt": (f"echo 'deb [trusted=yes] http://deb.debian.org/debian ./' >{HOME}/sources.list; apt-get -q -o Dir::Etc::sourceparts=/dev/null"
            f" -o Dir::Etc::sourcelist={HOME}/sources.list -o Dir::State::lists={HOME}/lists -o Dir::Cache={HOME}/cache -o APT::Sandbox::User="
            " -o Acquire::Languages=none update", "Reading package lists"),
    **({"npm": (f"mkdir -p {HOME}/npm-project && cd {HOME}/npm-project && echo '{{}}' >package.json && npm {NPM_OPTIONS} --silent"
                " --registry https://registry.npmjs.org/ install thing && node -e \"require('thing')\"", "a thing\n")} if NPM else {}),
}  # fmt: skip


@pytest.mark.parametrize("program", WORKING)
def test_it_works(named, jail, pages, program):
    command, expected = WORKING[program]
    done = jail.ask("run", argv=["env", *ENVIRONMENT, "sh", "-c", f"mkdir -p {PLACES}; {command}"], timeout=25)
    assert done["status"] == 0 and expected in done["out"], done
    assert not re.search("Failed to fetch|W:", done["out"] + done["err"]), done
