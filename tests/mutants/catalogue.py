"""The catalogue of faults: read from `catalogue/*.toml`, and fitted into the code without changing a file.

An entry is anchored by its symbol. Where the text stands on how many lines does not matter, and a module that moved is
found again; what fits nowhere, or more than once, is a `Misfit`, so that no fault is lost with a rename.
"""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "catalogue"
PACKAGES = ("integration", "tenants", "config")
STACKS = ("", "postgres")


class Misfit(Exception):
    """An entry does not fit the code: its symbol or text is gone, stands there twice, or makes no sense replaced."""


@dataclass(frozen=True)
class Mutant:
    """One fault: where it goes, what it means to a user, and the tests that notice it."""

    area: str
    id: str
    module: str  # path from the project's root
    symbol: str  # dotted name of a function, class or constant inside the module
    find: str
    replace: str
    means: str
    tests: tuple[str, ...] = ()
    stack: str = ""  # "postgres": nothing else can notice it
    equivalent: str = ""  # why no test can tell the difference

    def __post_init__(self) -> None:
        if not (self.means.endswith(".") and self.stack in STACKS and (self.tests or self.equivalent)):
            raise Misfit(f"{self.id}: wants a sentence that ends with a full stop, a known stack, and tests")


@dataclass(frozen=True)
class Fault:
    """A module's source with the fault in it."""

    path: Path
    source: str

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def load() -> list[Mutant]:
    """All entries in the order of their files. Raises Misfit when two have one name."""
    found: list[Mutant] = []
    for path in sorted(FOLDER.glob("*.toml")):
        for row in tomllib.loads(path.read_text())["mutant"]:
            try:
                found.append(Mutant(area=path.stem, **{**row, "tests": tuple(row.get("tests", ()))}))
            except TypeError as exc:
                raise Misfit(f"{path.name}: {row.get('id')}: {exc}") from exc
    names = [mutant.id for mutant in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Misfit(f"two mutants of one name: {', '.join(twice)}")
    return found


def fault(mutant: Mutant) -> Fault:
    """Fit the entry into its module, or into the one file its symbol has moved to. Raises Misfit."""
    home = ROOT / mutant.module
    places = list(_places(home, mutant)) if home.is_file() else []
    if not places:
        places = [place for path in _files() if path != home for place in _places(path, mutant)]
    if len(places) != 1:
        raise Misfit(f"{mutant.id}: fits {len(places)} times into {mutant.symbol} of {mutant.module}")
    path, start, end = places[0]
    source = path.read_text()
    changed = source[:start] + _indented(mutant.replace, source, start) + source[end:]
    try:
        ast.parse(changed)
    except SyntaxError as exc:
        raise Misfit(f"{mutant.id}: makes no sense replaced: {exc}") from exc
    return Fault(path, changed)


def moved_to(mutant: Mutant) -> str:
    """The module's path as it is now."""
    return str(fault(mutant).path.relative_to(ROOT))


def _places(path: Path, mutant: Mutant) -> Iterator[tuple[Path, int, int]]:
    source = path.read_text()
    pattern = _pattern(mutant.find)
    for start, end in symbols(path).get(mutant.symbol, ()):
        for match in pattern.finditer(source, start, end):
            yield path, match.start(), match.end()


def _pattern(text: str) -> re.Pattern[str]:
    """The text word by word: it fits however a formatter breaks its lines and ends its lists."""
    words = re.findall(r"\w+|[^\w\s]", text)
    pattern = ""
    for before, word in zip(["", *words], words, strict=False):
        gap = r"\s+" if before[-1:].isidentifier() and word[0].isidentifier() else r"\s*"
        comma = r",?\s*" if word in (")", "]", "}") and before not in ("", ",", "(", "[", "{") else ""
        pattern += (gap if before else "") + comma + re.escape(word)
    return re.compile(
        (r"(?<!\w)" if words[0][0].isalnum() else "") + pattern + (r"(?!\w)" if words[-1].isalnum() else "")
    )


def _indented(text: str, source: str, start: int) -> str:
    """A replacement of several lines stands as far to the right as what it replaces."""
    line = source[source.rfind("\n", 0, start) + 1 : start]
    margin = line[: len(line) - len(line.lstrip())]
    return textwrap.indent(textwrap.dedent(text).strip("\n"), margin)[len(margin) :]


@cache
def _files() -> tuple[Path, ...]:
    return tuple(
        path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")) if "migrations" not in path.parts
    )


@cache
def symbols(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Dotted names of a file's functions, classes and constants → where their source begins and ends."""
    source = path.read_text()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[str, list[tuple[int, int]]] = {}

    def visit(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))])
            span = starts[first - 1], starts[node.end_lineno or first]
            for name in _names(node):
                found.setdefault(prefix + name, []).append(span)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                visit(node.body, f"{prefix}{node.name}.")

    visit(ast.parse(source).body, "")
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
