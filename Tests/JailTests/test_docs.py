"""What is written is so: recordings, the places that documents name, the messages that they explain."""

import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md") if not {".build", ".git"} & set(path.relative_to(ROOT).parts)
)  # fmt: skip
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text):
    """Headings, as they are linked to."""
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)", text, re.M)}


def test_the_recordings():
    result = subprocess.run([ROOT / "docs/recording/record", "--check"], capture_output=True, text=True, env=os.environ)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    text = document.read_text()
    for link in LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_every_how_to_is_listed():
    listed = set(LINK.findall((ROOT / "docs/how-to/README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "docs/how-to").glob("*.md")} - {"README.md"}


def test_every_decision_is_listed():
    listed = set(LINK.findall((ROOT / "docs/decisions/README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}


def prose(text):
    """Words outside of code and tables."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    return " ".join(line for line in text.splitlines() if not line.startswith("|")).split()


def test_the_readme_takes_a_minute():
    text = (ROOT / "README.md").read_text()
    commands = [line.partition("#")[0].strip() for line in re.findall(r"^\$ (.*)", text, re.M)]
    assert commands[:3] == ["sudo ./install.sh", "Tests/run", "claude"]
    # What comes before the recording: read at 250 words a minute.
    assert len(prose(text[: text.index("## In ten seconds")])) < 300
    assert len(prose(text)) < 800
    linked = {link.partition("#")[0] for link in LINK.findall(text)}
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")} <= linked


# What others say, and placeholders.
FOREIGN = {"policyHelper failed", "dpkg-divert", "error", "rename involves overwriting '/usr/bin/claude.distrib'"}
GAPS = re.compile(
    r"…|: |\. |\b[A-Z]\b|\b(?:KEY|NAME|IPv4|4093|1 error|errors|uid|lo up|standard input|is an?|ours but)\b|=0|\(mode|'s\b|--bg"
    r'|/usr/bin/pasta or .*|"policyHelper"'
)


def test_troubleshooting_explains_what_is_said():
    files = [*(ROOT / "Sources").rglob("*.swift"), ROOT / "install.sh", ROOT / "packaging/deb"]
    # A Swift text continues behind a backslash, and an interpolation ends a fragment.
    said = "\n".join(file.read_text() for file in files)
    said = re.sub(r'\\\n\s*|"\s*\+ "', "", said).replace('\\"', '"')
    errors = {os.strerror(number) for number in range(1, 134)}
    text = (ROOT / "docs/troubleshooting.md").read_text()
    text = text[: text.index("## From inside")] + text[text.index("## From install.sh") :]
    messages = [message for cell in re.findall(r"^\| (`.*?) \| ", text, re.M) for message in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) > 45
    fragments = {part.strip(" `,;.()") for message in messages for part in GAPS.split(message) if part}
    assert {part for part in fragments - errors - FOREIGN if len(part) > 3 and part not in said} == set()


def see_refusals(marker):
    """The block of code below a marker, on the page that has the hook."""
    page = (ROOT / "docs/how-to/see-refusals.md").read_text()
    return re.search(rf"^<!-- tried by [^\n]*: {marker} -->\n```\w+\n(.*?)^```$", page, re.M | re.S)[1]


REFUSED = {"tool_response": {"stdout": "", "stderr": "ssh: connect to host x port 22: No route to host"}}


@pytest.mark.parametrize(
    "event, jailed, expected",
    [
        ({"hook_event_name": "PostToolUse", **REFUSED}, True, "PostToolUse"),
        ({"hook_event_name": "PostToolUseFailure", "error": 'curl: (7) Failed to connect to "$(id)"'}, True, "PostToolUseFailure"),
        ({"hook_event_name": "PostToolUse", "tool_response": {"stdout": "fine"}}, True, None),
        ({"hook_event_name": "PostToolUse", **REFUSED}, False, None),
    ],
)
def test_the_hook(tmp_path, event, jailed, expected):
    """It says one thing, where it is true, and nothing of what it was given."""
    (tmp_path / "refused").write_text(see_refusals("the hook"))
    for program, does in [("claude-sandbox-guard", f"exit {0 if jailed else 1}"), ("claude-sandbox", "echo 'egress-jail = 1 # default'")]:
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    name, text = event["hook_event_name"], json.dumps({"tool_name": "Bash", "tool_input": {"command": "ssh x"}, **event})
    result = subprocess.run(
        ["/bin/sh", tmp_path / "refused", name], input=text, capture_output=True, text=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert (result.returncode, result.stderr) == (0, "")
    if expected is None:
        assert result.stdout == ""
    else:
        said = json.loads(result.stdout)["hookSpecificOutput"]
        assert said["hookEventName"] == expected and "claude-sandbox explain" in said["additionalContext"]
        assert "$(id)" not in result.stdout


def test_actions_are_pinned_by_commit():
    files = [*(ROOT / ".github/workflows").glob("*.yml"), *(ROOT / "docs/how-to").glob("*.md")]
    uses = [use for file in files for use in re.findall(r"uses: *(.*)", file.read_text())]
    assert len(uses) >= 6
    assert [use for use in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_the_dev_container_works_on_docker_as_it_is():
    text = (ROOT / "devcontainer/devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*", "", text, flags=re.M))
    arguments = container["runArgs"]
    assert "--device=/dev/net/tun" in arguments and "apparmor=unconfined" in arguments
    profile = next(argument for argument in arguments if argument.startswith("seccomp="))
    assert (ROOT / profile.removeprefix("seccomp=${localWorkspaceFolder}/")).exists()
    feature = json.loads((ROOT / "devcontainer/src/claude-sandbox/devcontainer-feature.json").read_text())
    for one in (container, feature):
        assert one["customizations"]["vscode"]["settings"] == {"claudeCode.claudeProcessWrapper": "/usr/local/bin/claude-sandbox-wrap"}


def test_skills_have_the_form_that_claude_code_reads():
    for skill in (ROOT / "etc/claude-code/skills").glob("*/SKILL.md"):
        front = re.match(r"---\n(.*?)\n---\n", skill.read_text(), re.S)[1]
        fields = dict(line.split(": ", 1) for line in front.splitlines())
        assert fields["name"] == skill.parent.name and len(fields["description"]) < 1024 and fields["allowed-tools"]
    # In the clone it is a command.
    command = ROOT / ".claude/commands/verify-sandbox.md"
    assert command.resolve() == ROOT / "etc/claude-code/skills/verify-sandbox/SKILL.md"
