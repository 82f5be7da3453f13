"""etc/seccomp/docker.json: with it, and with nothing more than it, a jail can be built and holds."""

import ctypes
import json
import pathlib

import pytest
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "etc/seccomp/docker.json").read_text()
PROFILE = json.loads(TEXT)
# What Docker's documentation says that its default withholds, and a jail has no need of.
WITHHELD = """
acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module init_module io_uring_setup ioperm iopl kcmp
kexec_file_load kexec_load keyctl lookup_dcookie mbind move_pages open_by_handle_at perf_event_open quotactl reboot request_key
set_mempolicy settimeofday swapoff swapon sysfs userfaultfd ustat uselib vhangup syslog fanotify_init sethostname setdomainname
""".split()
SANDBOX = ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "--dev", "/dev", "echo", "inside"]


def beyond(rule):
    return rule["comment"].startswith("Beyond Docker's default")


def under(lab, profile, *command, **how):
    return lab.run([PYTHON, "-B", "-I", f"{TESTS}/probes/profiled.py", json.dumps(profile), *command], **how)


def test_it_is_well_formed():
    unconditional = [name for rule in PROFILE["syscalls"] if "args" not in rule for name in rule["names"]]
    assert len(unconditional) == len(set(unconditional)), "a name is used twice"
    assert not set(unconditional) & set(WITHHELD)
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"
    known = {"comment", "names", "action", "args", "errnoRet"}
    assert all(set(rule) <= known and rule["names"] and rule["comment"] for rule in PROFILE["syscalls"])


def test_names_are_of_this_kernel():
    """A misspelt name would be ignored by the engines, silently. Newer ones than the C library's are spelt as the kernel does."""
    library = ctypes.CDLL("libseccomp.so.2")
    unknown = {name for rule in PROFILE["syscalls"] for name in rule["names"]
               if library.seccomp_syscall_resolve_name(name.encode()) == -1}  # fmt: skip
    newer = {"cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listxattrat",
             "map_shadow_stack", "mseal", "removexattrat", "setxattrat"}  # fmt: skip
    assert unknown <= newer


def test_a_jail_holds_under_it(lab, identity, clean):
    result = under(lab, PROFILE, EXECUTABLE, "verify", "--json", identity=identity)
    assert result.status == 0, result
    assert {check["state"] for check in result.json["checks"]} <= {"ok", "limited"}


def test_an_agent_s_own_sandbox_works_under_it(lab, clean):
    result = under(lab, PROFILE, EXECUTABLE, "run", "--", *SANDBOX, identity="user")
    assert (result.status, result.out, result.err) == (0, "inside\n", "")


def test_without_what_goes_beyond_docker_s_default_a_launch_is_refused(lab, identity, clean):
    less = {**PROFILE, "syscalls": [rule for rule in PROFILE["syscalls"] if not beyond(rule)]}
    less["syscalls"].append({"comment": "", "names": ["clone"], "action": "SCMP_ACT_ALLOW"})
    result = under(lab, less, EXECUTABLE, "run", "--", "/bin/echo", "ran", identity=identity)
    assert (result.status, result.out) == (125, ""), result
    assert "unshare(CLONE_NEWUSER): Operation not permitted" in result.err and "seccomp" in result.err


@pytest.mark.parametrize("name", [name for rule in PROFILE["syscalls"] if beyond(rule) for name in rule["names"]])
def test_nothing_is_allowed_in_vain(lab, name):
    """Each call beyond Docker's default is needed: without it no jail is launched, or no agent's sandbox in one."""
    rules = [{**rule, "names": [n for n in rule["names"] if n != name]} if beyond(rule) else rule for rule in PROFILE["syscalls"]]
    if name == "clone":  # as Docker's default has it: without the flags of namespaces
        flags = [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
        rules.append({"comment": "", "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": flags})
    less = {**PROFILE, "syscalls": rules}
    launches = [under(lab, less, EXECUTABLE, "run", "--", *SANDBOX, identity="user"),
                under(lab, less, EXECUTABLE, "run", "--", "/bin/echo", "inside", identity="container")]  # fmt: skip
    ends = {(result.status, result.err.split(":")[0], result.out) for result in launches}
    assert ends & {(125, "claude-sandbox", ""), (1, "bwrap", "")}, launches
