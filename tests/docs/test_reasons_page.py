"""docs/reasons.md says what the code says: one section per reason, the same words, an example each."""

from __future__ import annotations

import re
from pathlib import Path

from integration.reasons import FAILURE, HOLD, REASONS, SKIP, WAIT

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reasons.md"
KIND_TITLES = {
    SKIP: "Skipped by rule",
    FAILURE: "The record failed",
    HOLD: "A person must act",
    WAIT: "Tried again by itself",
}
RESERVED = "Reserved: nothing sets this code yet."
SETS_REASON = re.compile(r"(?:\breason(?:: [^=]+)? ?= ?|Skip\(\s*)\w+\.([A-Z_]+)")


def sections():
    """Code → its text on the page, and code → the title of the part it stands in."""
    texts, kinds, kind = {}, {}, ""
    for part in re.split(r"^(?=#{2,3} )", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if heading.startswith("## "):
            kind = heading[3:].strip()
        else:
            code = heading[4:].strip()
            assert code not in texts, f"{code} has two sections"
            texts[code], kinds[code] = body, kind
    return texts, kinds


TEXTS, KINDS = sections()


def test_every_reason_has_a_section_and_every_section_a_reason():
    assert sorted(TEXTS) == sorted(REASONS)


def test_a_section_says_what_the_code_says():
    for code, reason in REASONS.items():
        text = TEXTS[code]
        assert KINDS[code] == KIND_TITLES[reason.kind], code
        assert text.split("\n\n")[0].strip() == reason.what
        assert f"- **Likely cause:** {reason.cause}\n" in text
        assert f"- **Fix:** {reason.fix}\n" in text
        assert re.search(r"^- \*\*Example:\*\* \S.{20,}", text, re.MULTILINE), f"{code}: an example is missing"


def test_the_page_links_every_section_at_its_top():
    top = PAGE.read_text().split("\n## ")[0]

    assert re.findall(r"\[([a-z_]+)\]\(#\1\)", top) == list(TEXTS)


def test_a_reserved_code_is_really_not_set_anywhere():
    folders = ("connectors", "engine", "recipes", "webhooks")
    sources = [path for name in folders for path in (ROOT / "integration" / name).rglob("*.py")]
    used = {name.lower() for path in sources for name in SETS_REASON.findall(path.read_text())}
    reserved = {code for code, text in TEXTS.items() if RESERVED in text}

    assert not reserved & used, "these are in use now: give them a real example in docs/reasons.md"
