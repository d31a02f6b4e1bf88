"""Print the figures the code is judged by, room by room: size, density, complexity, types, docstrings, coverage.

Coverage is that of the last `make coverage`; without one the column is empty. `--json` prints a list of objects.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from radon.complexity import cc_visit

ROOT = Path(__file__).parents[1]
PROGRAMS = ("integration", "tenants", "config", "sandbox", "benchmarks")
DEEP = ("engine", "recipes", "connectors", "admin")  # packages whose own packages are rooms
EXPRESSIONS = (ast.IfExp, ast.NamedExpr, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
UNTYPED = re.compile(r"\bAny\b|\bobject\b(?=[\]\s,)|=:])|\bcast\(|# type: ignore")
# What a docstring may add to a name without saying more.
SMALL_WORDS = frozenset(
    "a an the of in on at to for from by with and or its it is are be was this that one each all every as if not no do"
    " does return returns give gives whether what which who how many our we their them so many".split()
)
COVERAGE = ROOT / "var" / "coverage.json"


@dataclass
class Room:
    """The figures of one room. Complexity is McCabe's, counted by radon."""

    room: str
    lines: int = 0
    modules: int = 0
    median_module: int = 0
    largest_module: int = 0
    functions: int = 0
    largest_function: int = 0
    over_10: int = 0
    over_12: int = 0
    expressions_per_1000: float = 0.0
    untyped: int = 0
    documented: int = 0
    echoes: int = 0
    lines_covered: str = ""
    branches_covered: str = ""


def main() -> int:
    """Print a line per room and one of all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    as_json = parser.parse_args().json
    files = sorted(path for program in PROGRAMS for path in (ROOT / program).rglob("*.py"))
    files = [path for path in files if "migrations" not in path.parts]
    rooms: dict[str, list[Path]] = {}
    for path in files:
        rooms.setdefault(room_of(path), []).append(path)
    measured = [measure(room, paths) for room, paths in sorted(rooms.items())]
    product = [path for path in files if path.relative_to(ROOT).parts[0] == "integration"]
    measured += [measure("integration, all of it", product), measure("everything", files)]
    print(json.dumps([asdict(row) for row in measured], indent=1) if as_json else table(measured))  # noqa: T201
    return 0


def room_of(path: Path) -> str:
    """Return the package a module belongs to, one level deeper where packages hold rooms."""
    parts = path.relative_to(ROOT).parts[:-1]
    deep = len(parts) > 2 and parts[1] in DEEP
    return "/".join(parts[: 3 if deep else 2])


def measure(room: str, paths: list[Path]) -> Room:
    """Count what these modules hold."""
    row = Room(room)
    sizes, expressions = [], 0
    for path in paths:
        text = path.read_text()
        tree = ast.parse(text)
        sizes.append(text.count("\n"))
        expressions += sum(isinstance(node, EXPRESSIONS) for node in ast.walk(tree))
        row.untyped += sum(len(UNTYPED.findall(line)) for line in text.splitlines())
        for function in functions(tree):
            row.functions += 1
            row.largest_function = max(row.largest_function, (function.end_lineno or 0) - function.lineno + 1)
            docstring = ast.get_docstring(function)
            row.documented += docstring is not None
            row.echoes += docstring is not None and echoes(function, path.stem, docstring)
        complexities = [block.complexity for block in cc_visit(text) if block.letter in "FM"]
        row.over_10 += sum(one > 10 for one in complexities)
        row.over_12 += sum(one > 12 for one in complexities)
    row.lines, row.modules = sum(sizes), len(sizes)
    row.median_module, row.largest_module = int(median(sizes)), max(sizes)
    row.expressions_per_1000 = round(1000 * expressions / max(row.lines, 1), 1)
    row.lines_covered, row.branches_covered = covered(paths)
    return row


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def echoes(function: ast.FunctionDef | ast.AsyncFunctionDef, module: str, docstring: str) -> bool:
    """Whether a docstring says nothing that name, arguments, types and module do not say."""
    said = set(re.findall(r"[a-z]+", docstring.lower())) - SMALL_WORDS
    signature = f"{module} {function.name} {ast.unparse(function.args)}"
    if function.returns is not None:
        signature += f" {ast.unparse(function.returns)}"
    known = {word[:3] for word in re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", signature).lower())}
    return all(word[:3] in known for word in said)


def covered(paths: list[Path]) -> tuple[str, str]:
    """Return the share of lines and of branches that the tests reach, in percent; empty where it was not measured."""
    if not COVERAGE.exists():
        return "", ""
    known = json.loads(COVERAGE.read_text())["files"]
    found = [known[name]["summary"] for path in paths if (name := str(path.relative_to(ROOT))) in known]
    return (
        share(sum(row["covered_lines"] for row in found), sum(row["num_statements"] for row in found)),
        share(sum(row["covered_branches"] for row in found), sum(row["num_branches"] for row in found)),
    )


def share(part: int, whole: int) -> str:
    """Return a percentage, or nothing of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def table(rows: list[Room]) -> str:
    """Return the rooms as lines of equal columns, with a heading."""
    names = [field.name for field in fields(Room)]
    cells = [[name.replace("_", " ") for name in names]]
    cells += [[str(getattr(row, name)) for name in names] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


if __name__ == "__main__":
    sys.exit(main())
