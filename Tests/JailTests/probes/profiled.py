"""Runs a command under a seccomp profile in the form of the container engines: `profiled.py PROFILE-AS-JSON COMMAND...`."""

import ctypes
import json
import os
import sys

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_OPERATORS = {"SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5, "SCMP_CMP_GT": 6,
              "SCMP_CMP_MASKED_EQ": 7}  # fmt: skip
_seccomp = ctypes.CDLL("libseccomp.so.2")


class _Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def _action(rule, default=1):
    return {"SCMP_ACT_ALLOW": _ALLOW, "SCMP_ACT_ERRNO": _ERRNO | rule.get("errnoRet", default)}[rule["action"]]


def apply(profile):
    _seccomp.seccomp_init.restype = ctypes.c_void_p
    default = profile["defaultErrnoRet"]
    context = ctypes.c_void_p(_seccomp.seccomp_init(_action({"action": profile["defaultAction"]}, default)))
    for rule in profile["syscalls"]:
        arguments = rule.get("args", [])
        comparisons = (_Comparison * len(arguments))(
            *(_Comparison(a["index"], _OPERATORS[a["op"]], a["value"], a.get("valueTwo", 0)) for a in arguments)
        )
        for name in rule["names"]:
            number = _seccomp.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue  # of another architecture, or newer than this library
            result = _seccomp.seccomp_rule_add_array(
                context, ctypes.c_uint32(_action(rule, default)), number, len(arguments), comparisons
            )
            assert result == 0, (name, result)
    assert _seccomp.seccomp_load(context) == 0


apply(json.loads(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
