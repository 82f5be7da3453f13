"""The record of jails, as its user finds it outside."""

import json
import os
import stat


def directory(home):
    return f"{home}/.local/state/claude-sandbox"


def files(place):
    """The files of the record by name, each with its mode, owner and lines; read as the lab's root. Empty without a directory."""
    found = {}
    for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
        status = os.lstat(f"{place}/{name}")
        text = ""
        if stat.S_ISREG(status.st_mode):
            with open(f"{place}/{name}", encoding="latin-1") as file:
                text = file.read()
        found[name] = {"mode": stat.S_IMODE(status.st_mode), "owner": status.st_uid, "text": text}
    return found


def mode(place):
    return stat.S_IMODE(os.lstat(place).st_mode)


def lines(lab, home, event=None):
    """What all files say, in their order."""
    found = []
    for file in lab.call("records:files", directory(home)).values():
        found += [json.loads(line) for line in file["text"].splitlines()]
    return [line for line in found if event in (None, line["event"])]
