"""What is written is so: the README's recording, and the places that documents name."""

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


def test_the_recording_in_the_readme():
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
