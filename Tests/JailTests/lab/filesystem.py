"""The lab's own /etc, /run, /srv, /tmp and /dev: what a test may change without touching the machine."""

import os
import shutil
import stat
import subprocess

from . import kernel
from .identity import UID, unprivileged_lab

LAB = "/srv/lab"
TESTS = f"{LAB}/tests"
EXECUTABLE = f"{LAB}/bin/claude-sandbox"
CLAUDE_CODE = f"{LAB}/claude-code"
TUN = "/dev/net/tun"
CONFIGURATION = "/etc/claude-sandbox.conf"
PRESETS = "/etc/claude-sandbox.presets.d"
# Where an installation has them, seen from the executable.
INSTALLED_PRESETS = f"{LAB}/share/claude-sandbox/presets"
# The other names of the executable, as an installation links them.
GUARD, WRAP, CLAUDE, VERIFY = (
    f"{LAB}/names/{name}" for name in ("claude-sandbox-guard", "claude-sandbox-wrap", "claude", "verify-sandbox")
)

_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def make_private(tests, executable, claude_code=None):
    """Cover what launches read and write. What is named is visible below /srv/lab afterwards."""
    presets = os.path.join(tests, "../../share/presets")
    preview = f"{executable}-preview"
    preview = os.open(preview, os.O_PATH) if executable and os.path.exists(preview) else None
    tests = os.open(tests, os.O_PATH)
    executable = os.open(executable, os.O_PATH) if executable else None
    claude_code = os.open(claude_code, os.O_PATH) if claude_code else None
    _tmpfs("/run", "mode=755")
    # Not in /run, of which a jail has its own.
    _tmpfs("/srv", "mode=755")
    for directory in ("bin", "names", "tests", "root", "home", "www", "etc", "kept", "dev"):
        os.makedirs(f"{LAB}/{directory}")
    os.chmod(f"{LAB}/root", 0o700)
    kernel.bind(f"/proc/self/fd/{tests}", TESTS)
    if executable is not None:
        with open(EXECUTABLE, "w"):
            pass
        kernel.bind(f"/proc/self/fd/{executable}", EXECUTABLE)
        if preview is not None:
            with open(f"{EXECUTABLE}-preview", "w"):
                pass
            kernel.bind(f"/proc/self/fd/{preview}", f"{EXECUTABLE}-preview")
        shutil.copytree(presets, INSTALLED_PRESETS)
        for name in (GUARD, WRAP, CLAUDE, VERIFY):
            os.symlink(EXECUTABLE, name)
    if claude_code is not None:
        with open(CLAUDE_CODE, "w"):
            pass
        kernel.bind(f"/proc/self/fd/{claude_code}", CLAUDE_CODE)
    _private_etc()
    _private_dev()
    for directory in ("/tmp", "/var/tmp"):
        _tmpfs(directory, "mode=1777")
    if not unprivileged_lab():
        os.chown(f"{LAB}/home", UID, UID)


def _tmpfs(target, data):
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID, data)


def _private_etc():
    copy = f"{LAB}/etc"
    subprocess.run(["cp", "-a", "/etc/.", copy], stderr=subprocess.DEVNULL, check=not unprivileged_lab())
    for path in (f"{copy}/claude-sandbox.conf", f"{copy}/resolv.conf"):
        if os.path.lexists(path):
            os.unlink(path)
    shutil.rmtree(f"{copy}/claude-sandbox.conf.d", ignore_errors=True)
    with open(f"{copy}/hosts", "w") as file:
        file.write("127.0.0.1 localhost\n::1 localhost\n")
    with open(f"{copy}/nsswitch.conf", "w") as file:
        file.write("passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n")
    with open(f"{copy}/passwd") as file:
        others = [line for line in file if line.split(":")[2] != str(UID)]
    with open(f"{copy}/passwd", "w") as file:
        file.writelines([*others, f"lab:x:{UID}:{UID}::{LAB}/home:/bin/bash\n"])
    kernel.bind(copy, "/etc")


def keep_etc(configuration):
    """Give the calling process an /etc of its own."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    _tmpfs(f"{LAB}/kept", "mode=755")
    subprocess.run(["cp", "-a", "/etc/.", f"{LAB}/kept"], stderr=subprocess.DEVNULL, check=not unprivileged_lab())
    with open(f"{LAB}/kept/{os.path.basename(CONFIGURATION)}", "w") as file:
        file.write(configuration)
    kernel.bind(f"{LAB}/kept", "/etc")


def _private_dev():
    """A /dev whose net/tun a test may remove or close, and which an ordinary user may open, whatever the machine's is."""
    new = f"{LAB}/dev"
    kernel.mount("tmpfs", new, "tmpfs", kernel.MS_NOSUID, "mode=755")
    for name in _NODES:
        with open(f"{new}/{name}", "w"):
            pass
        kernel.bind(f"/dev/{name}", f"{new}/{name}")
    for name in ("pts", "shm", "net", "mqueue"):
        os.mkdir(f"{new}/{name}")
    # Terminals of the lab's own: the kernel finds those of a bound ptmx beside the original only.
    kernel.mount("devpts", f"{new}/pts", "devpts", kernel.MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620")
    os.symlink("pts/ptmx", f"{new}/ptmx")
    _tmpfs(f"{new}/shm", "mode=1777")
    kernel.mount("mqueue", f"{new}/mqueue", "mqueue", kernel.MS_NOSUID, "")
    for name, target in _LINKS.items():
        os.symlink(target, f"{new}/{name}")
    if unprivileged_lab():
        if os.path.exists(TUN):
            with open(f"{new}/net/tun", "w"):
                pass
            kernel.bind(TUN, f"{new}/net/tun")
    else:
        os.mknod(f"{new}/net/tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
        os.chmod(f"{new}/net/tun", 0o666)
    kernel.bind(new, "/dev", recursive=True)
