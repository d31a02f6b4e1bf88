"""Build docs/reasons.md from the texts and from docs/reasons_examples.toml: `python -m tests.docs`."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path

from integration.engine.api import GENERAL, ReasonKind, ReasonText, Recipe

DOCS = Path(__file__).parents[2] / "docs"
PAGE, EXAMPLES = DOCS / "reasons.md", DOCS / "reasons_examples.toml"
KINDS = {
    ReasonKind.SKIP: "Skipped by rule",
    ReasonKind.FAILURE: "Failed",
    ReasonKind.HOLD: "Held",
    ReasonKind.WAIT: "Tried again by itself",
}
INTRODUCTION = """# Reasons

Every record that is skipped, fails or waits says why with one of these codes. Some of them are given by every
integration, others name things that only one of them has. Where an integration has words of its own for a general
reason, its pages show those.

`python -m tests.docs` builds this page from [the general texts](../integration/engine/flow/general_reasons.py), those
of each recipe (`integration/recipes/*/reasons.py`) and [the examples](reasons_examples.toml); a test compares it.

- **Skipped by rule:** nothing is wrong. The rule is named, and the record goes on by itself when the rule no longer
  applies.
- **Failed:** the job is dead, as it does not go without a change. Other records go on. "Release" in the console puts it
  back to waiting.
- **Held:** a person must act. Jobs are held and nothing is lost; they go on by themselves once the cause is gone, see
  [held and dead](operator-guide.md#held-and-dead).
- **Tried again by itself:** nobody has to do anything.
"""


def page(recipes: list[Recipe]) -> str:
    """Return the whole page."""
    examples = tomllib.loads(EXAMPLES.read_text())
    groups = _groups(recipes)
    index = [f"**{title}:** {' · '.join(f'[{code}](#{code})' for code in codes)}" for title, codes in groups.items()]
    parts = [INTRODUCTION.strip(), *index]
    for title, codes in groups.items():
        parts.append(f"## {title}")
        for code in codes:
            what, *facts = _section(code, recipes)
            facts.append(f"- **Example:** {examples[code]}")
            parts += [f"### {code}", what, "\n".join(facts)]
    return "\n\n".join(parts) + "\n"


def _groups(recipes: list[Recipe]) -> dict[str, list[str]]:
    """Title → the codes below it: the general ones, then those that the same recipes have."""
    groups: dict[str, list[str]] = {"General": list(GENERAL)}
    owners: dict[str, list[str]] = defaultdict(list)
    for recipe in recipes:
        for code in recipe.reason_texts:
            if code not in GENERAL:
                owners[code].append(recipe.label)
    for code, labels in sorted(owners.items(), key=lambda pair: (len(pair[1]) == 1, pair[1])):
        groups.setdefault(" and ".join(labels), []).append(code)
    return groups


def _section(code: str, recipes: list[Recipe]) -> list[str]:
    """Return the text of one code, then the words of each recipe that says it differently."""
    with_it = [recipe for recipe in recipes if code in recipe.reason_texts]
    first = GENERAL.get(code) or with_it[0].reason_texts[code]
    lines = [
        str(first.what),
        f"- **Kind:** {KINDS[first.kind]}",
        f"- **Likely cause:** {first.cause}",
        f"- **Fix:** {first.fix}",
    ]
    for recipe in with_it:
        text = recipe.reason_texts[code]
        if text != first:
            lines.append(f"- **{recipe.label}:** {_in_a_line(text)}")
    return lines


def _in_a_line(text: ReasonText) -> str:
    return f"{text.what} {text.cause} {text.fix}"
