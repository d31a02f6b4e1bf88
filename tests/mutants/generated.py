"""Faults made by cosmic-ray, a sample of one seed over engine and recipes: `python -m tests.mutants.generated`.

Each is tried with the nearest tests and, where those notice nothing, with a wider circle. A survivor is either judged
in `survivors.md` or fails the run. An error in a test counts as noticed here, as is usual for generated faults.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import os
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.bench import Bench, Outcome, Task
from tests.mutants.catalogue import ROOT, Fault
from tests.mutants.nearest import PLACE, tests_of
from tests.mutants.trial import SURVIVED

SEED, COUNT = 16, 500
FOLDERS = ("integration/engine", "integration/recipes")
SURVIVORS = Path(__file__).parent / "survivors.md"
NEAR, WIDE = 20.0, 90.0  # seconds of tests, as the map measured them
# An undefined name can only break, and arguments of its own an operator has nowhere to get from here.
LEFT_OUT = ("core/ExceptionReplacer", "core/VariableReplacer", "core/VariableInserter")


@dataclass(frozen=True)
class Change:
    """One generated fault."""

    path: Path
    operator: str
    line: int
    before: str
    after: str
    source: str

    @property
    def id(self) -> str:
        """Stays the same as long as the module, the function and the line do."""
        place = f"{self.path.relative_to(ROOT)} {symbol_at(self.path, self.line)}"
        said = "\n".join((place, self.operator, self.before, self.after))
        return hashlib.sha256(said.encode()).hexdigest()[:8]


def symbol_at(path: Path, line: int) -> str:
    """The function or class that a line belongs to, by its dotted name; empty at the top of a module."""
    names: list[str] = []
    nodes = ast.parse(path.read_text()).body
    while nodes:
        inside = [node for node in nodes if node.lineno <= line <= (node.end_lineno or 0)]
        named = [node for node in inside if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        names += [node.name for node in named]
        nodes = [child for node in named for child in node.body]
    return ".".join(names)


Spot = tuple[Path, tuple[int, int], tuple[int, int]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not PLACE.exists():
        print(f"{PLACE.relative_to(ROOT)} is missing: make mutants-map")
        return 1
    changes = {change.id: change for change in sample(options.seed, options.count)}
    judged = (
        set(re.findall(r"^\| `([0-9a-f]{8})` \|", SURVIVORS.read_text(), re.MULTILINE)) if SURVIVORS.exists() else set()
    )
    with Bench(options.jobs) as bench:
        if wrong := wrong_already(bench, changes):
            print(wrong)
            return 1
        survivors = tried(bench, changes, NEAR)
        survivors = tried(bench, {key: changes[key] for key in survivors}, WIDE)
    new = [key for key in survivors if key not in judged]
    for key in new:
        print("not judged  ", described(changes[key]))
    print(f"generated mutants: {len(changes)} killed {len(changes) - len(survivors)} survived {len(survivors)}")
    return int(bool(new))


def wrong_already(bench: Bench, changes: dict[str, Change]) -> str:
    """Why the tests would notice everything: they fail, or are not there, on the true code."""
    tests = {test for change in changes.values() for test in tests_of(change.path, change.line, WIDE)}
    [outcome] = bench.run([Task("true-code", None, sorted(tests))])
    return "" if outcome.verdict.word == SURVIVED else f"without a fault: {outcome.verdict.why}"


def tried(bench: Bench, changes: dict[str, Change], seconds: float) -> list[str]:
    """Try these with so many seconds of tests; returns those that nothing noticed."""
    tasks = [
        Task(key, Fault(change.path, change.source), tests_of(change.path, change.line, seconds))
        for key, change in changes.items()
    ]
    survivors = [task.name for task in tasks if not task.tests]
    for outcome in bench.run([task for task in tasks if task.tests]):
        if outcome.verdict.word == SURVIVED:
            survivors.append(outcome.task.name)
        _say(outcome, changes[outcome.task.name])
    return survivors


def sample(seed: int, count: int) -> list[Change]:
    """The same faults for the same code: a spot each, and one of the changes that can be made there."""
    chance = random.Random(seed)
    spots = sorted(_spots().items())
    chance.shuffle(spots)
    found: dict[str, Change] = {}
    for (path, _, _), ways in spots:
        change = _changed(path, *chance.choice(ways))
        if change is not None:
            found.setdefault(change.id, change)
        if len(found) == count:
            break
    return list(found.values())


def _spots() -> dict[Spot, list[tuple[str, int]]]:
    """Where something can be changed → the operators that can, with their occurrence in the file."""
    operators = {
        name: cosmic_ray.plugins.get_operator(name)()
        for name in sorted(cosmic_ray.plugins.operator_names())
        if name not in LEFT_OUT and not _confuses_identity(name)
    }
    found: dict[Spot, list[tuple[str, int]]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text()
            nodes, types = list(ast_nodes(get_ast(source))), list(_types(ast.parse(source)))
            for name, operator in operators.items():
                occurrence = 0
                for node in nodes:
                    for start, end in operator.mutation_positions(node):
                        if not any(first <= start <= last for first, last in types):
                            found[path, start, end].append((name, occurrence))
                        occurrence += 1
    return found


def _confuses_identity(name: str) -> bool:
    """`is` in place of `==` and the other way round is a warning of the compiler, or nothing at all."""
    _, *kinds = name.split("_")
    return len({kind in ("Is", "IsNot") for kind in kinds}) == 2


def _types(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations stand: nobody evaluates them."""
    for node in ast.walk(tree):
        for said in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(said, ast.expr):
                yield (said.lineno, said.col_offset), (said.end_lineno or 0, said.end_col_offset or 0)


def _changed(path: Path, name: str, occurrence: int) -> Change | None:
    source = path.read_text()
    changed = mutate_code(source, cosmic_ray.plugins.get_operator(name)(), occurrence)
    if not changed or changed == source:
        return None
    try:
        compile(changed, str(path), "exec")
    except SyntaxError:
        return None
    old, new = source.splitlines(), changed.splitlines()
    for kind, first, last, from_, to in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            before, after = (" ".join(map(str.strip, part)) for part in (old[first:last], new[from_:to]))
            return Change(path, name, first + 1, before, after, changed)
    return None


def described(change: Change) -> str:
    """One line of `survivors.md`, without the judgement."""
    place = f"{change.path.relative_to(ROOT / 'integration')}:{change.line}"
    before, after = (text.replace("|", "\\|") for text in (change.before, change.after))
    return f"| `{change.id}` | {place} | `{before}` | `{after}` |"


def _say(outcome: Outcome, change: Change) -> None:
    print(f"{outcome.verdict.word:13} {outcome.seconds:5.1f} s  {described(change)}  {outcome.verdict.why}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
