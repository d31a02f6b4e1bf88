"""Refuse texts that cannot be translated: parts glued together, placeholders nobody fills, and texts nobody marked.

Only what stands in the code is read; tests/integration/test_pseudo_language.py looks at what the pages show.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).parents[1]
PROGRAMS = ("config", "tenants", "integration")
EXEMPT = (
    "integration/management",  # command lines are read by operators, in English; the demo is a program of its own
    "integration/recipes/pipedrive_maileon/event_types.py",  # written into the customer's account, in English
)
ONE, TWO = {"_", "gettext", "gettext_lazy"}, {"ngettext", "ngettext_lazy"}
MARKS = ONE | TWO
NOW, EARLY = {"gettext", "ngettext"}, "translated when the module is imported: gettext_lazy"
# Where people read what is given: positions of the arguments, by the name of what is called.
POSITIONS = {
    "ReasonText": (2, 3, 4),
    "Fault": (1, 2, 3),
    "Check": (1,),
    "Rule": (1, 2),
    "NeededPermission": (1,),
    "ValidationError": (0,),
}
MESSAGES = {"success", "error", "info", "warning"}  # of django.contrib.messages: (request, text)
KEYWORDS = {"label", "help_text", "description", "verbose_name", "verbose_name_plural", "empty_label", "title"}
ATTRIBUTES = {"verbose_name", "verbose_name_plural", "short_description", "empty_label"}
OF_VENDORS = {"Connector"}  # its label is a product's name
WORDS = re.compile(r"[^\W\d_]{2}")
PLACEHOLDER = re.compile(r"\{\w*\}")
# Names are not translated: those of products, and pairs of them.
NAMES = re.compile(r"(Lockstep|Pipedrive|HubSpot|Maileon|Brevo|LeadBoxer|Planhat|[\W\d_])+")


def main() -> int:
    """Print each fault; 1 when there is any."""
    found = [line for program in PROGRAMS for path in sorted((ROOT / program).rglob("*.py")) for line in faults(path)]
    print("\n".join(found) or "Every text is marked, whole, and has its placeholders.")  # noqa: T201
    return 1 if found else 0


def faults(path: Path) -> Iterator[str]:
    """Yield place and fault of each text of a module."""
    name = path.relative_to(ROOT).as_posix()
    if not name.startswith(EXEMPT) and "migrations" not in path.parts:
        for line, fault in faults_in(path.read_text()):
            yield f"{name}:{line}: {fault}"


def faults_in(code: str) -> list[tuple[int, str]]:
    """Return line and fault of each text in this code."""
    tree = ast.parse(code)
    found = [(node.lineno, fault) for node in ast.walk(tree) for fault in _of_node(node)]
    found += [(node.lineno, EARLY) for node in _own(tree) if isinstance(node, ast.Call) and _name(node.func) in NOW]
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.Module):
            found += _variables(scope)
    return sorted(set(found))


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield from _marked_wrongly(node)
        yield from _filled_wrongly(node)
        yield from _in_a_call(node)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from _in_an_assignment(node)
    elif isinstance(node, ast.ClassDef) and {_name(base) for base in node.bases} & {"TextChoices", "IntegerChoices"}:
        yield from _choices(node)


def _marked_wrongly(call: ast.Call) -> Iterator[str]:
    """What is marked must be one whole text, or the extraction does not find it."""
    if _name(call.func) not in MARKS:
        return
    for text in _texts(call):
        if not isinstance(text, ast.Constant):
            yield "what is marked is not one plain text"


def _filled_wrongly(call: ast.Call) -> Iterator[str]:
    """`_("… {name}").format(name=…)` and `format_lazy(_("… {name}"), name=…)`."""
    if _name(call.func) == "format_lazy" and call.args:
        text = call.args[0]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "format":
        text = call.func.value
    else:
        return
    if isinstance(text, ast.Call) and _name(text.func) in MARKS:
        yield from _compare(_placeholders(text), call, _placeholders(text))


def _variables(scope: ast.FunctionDef | ast.Module) -> Iterator[tuple[int, str]]:
    """`text = gettext("… {name}")`, filled further down by `text.format(name=…)`: the text assigned last counts."""
    texts: dict[str, list[tuple[int, set[str]]]] = {}
    for node in _own(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            for part in (node.value, *_branches(node.value)):
                if isinstance(part, ast.Call) and _name(part.func) in MARKS:
                    texts.setdefault(node.targets[0].id, []).append((node.lineno, _placeholders(part)))
    for node in _own(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            name = _name(node.func.value)
            before = [
                names for line, names in sorted(texts.get(name, []), key=lambda pair: pair[0]) if line < node.lineno
            ]
            if before:
                yield from ((node.lineno, fault) for fault in _compare(before[-1], node, set().union(*before)))


def _branches(value: ast.expr) -> tuple[ast.expr, ...]:
    return (value.body, value.orelse) if isinstance(value, ast.IfExp) else ()


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, without the functions in it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield node
            yield from _own(node)


def _compare(wanted: set[str], call: ast.Call, known: set[str]) -> Iterator[str]:
    given = {keyword.arg for keyword in call.keywords}
    if None in given or call.args[1:] or (call.args and _name(call.func) != "format_lazy"):
        return  # filled from a dictionary, or by position
    if missing := sorted(wanted - given):
        yield f"no value for {', '.join(missing)}"
    if unused := sorted(given - known, key=str):
        yield f"no placeholder for {', '.join(map(str, unused))}"


def _placeholders(call: ast.Call) -> set[str]:
    texts = [text.value for text in _texts(call) if isinstance(text, ast.Constant) and isinstance(text.value, str)]
    return {str(name) for text in texts for _, name, _, _ in Formatter().parse(text) if name}


def _texts(call: ast.Call) -> list[ast.expr]:
    return call.args[: 2 if _name(call.func) in TWO else 1]


def _in_a_call(call: ast.Call) -> Iterator[str]:
    name = _name(call.func)
    if name in OF_VENDORS:
        return
    positions: tuple[int, ...] = POSITIONS.get(name, ())
    if name in MESSAGES and isinstance(call.func, ast.Attribute) and _name(call.func.value) == "messages":
        positions = (1,)
    places = [call.args[number] for number in positions if number < len(call.args)]
    places += [keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS]
    for place in places:
        yield from _unmarked(place)


def _in_an_assignment(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if _name(target) in ATTRIBUTES and node.value is not None:
        yield from _unmarked(node.value)


def _choices(node: ast.ClassDef) -> Iterator[str]:
    """`NAME = "stored", "What people read"`."""
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Tuple):
            yield from _unmarked(line.value.elts[-1])


def _unmarked(value: ast.expr) -> Iterator[str]:
    """A text with words in it, whole or glued together, that is not marked."""
    text = ""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        text = value.value
    elif isinstance(value, ast.JoinedStr):
        text = "".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
    text = PLACEHOLDER.sub("", text)
    if WORDS.search(text) and not NAMES.fullmatch(text):
        yield f"not marked: {text[:60]}"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main())
