"""Every entry of the catalogue fits the code as it is, and names tests that exist. Nothing is tried here."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.mutants import catalogue
from tests.mutants.catalogue import ROOT, Misfit, Mutant


def test_every_entry_fits_its_module():
    wrong = []
    for mutant in catalogue.load():
        try:
            found = catalogue.fault(mutant)
        except Misfit as exc:
            wrong.append(str(exc))
        else:
            assert found.source != found.path.read_text(), mutant.id
    assert wrong == []


def test_every_test_named_exists():
    named = {test for mutant in catalogue.load() for test in mutant.tests}
    missing = sorted(test for test in named if not exists(test))
    assert named
    assert missing == []


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    if not (ROOT / path).is_file():
        return False
    return not name or name.partition("[")[0].split("::")[-1] in functions(path)


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a file, and those of a standard suite that it subclasses."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
    own = frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))
    suites = [
        f"{node.module.replace('.', '/')}.py"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".suite")
    ]
    return own.union(*map(functions, suites))


def entry(**said) -> Mutant:
    row = {
        "area": "engine", "id": "x", "module": "integration/engine/sync/router.py", "symbol": "_claim",
        "find": "sizes[:PORTION]", "replace": "sizes", "means": "It is slow.", "tests": ("tests/x.py",),
    }  # fmt: skip
    return Mutant(**{**row, **said})


def test_a_text_fits_whatever_its_line_breaks_are():
    assert "in sizes.iterator(" in catalogue.fault(entry()).source
    assert catalogue.fault(entry(find="sizes[\n : PORTION\n]")).source.count("sizes[:PORTION]") == 0


def test_a_module_that_moved_is_found_by_its_symbol():
    moved = entry(module="integration/engine/before/router.py", symbol="route_new_events", find="total = 0", replace="")
    assert catalogue.moved_to(moved) == "integration/engine/sync/router.py"


@pytest.mark.parametrize(
    "said",
    [
        {"symbol": "_claimed_by_nobody"},
        {"find": "new[:ALL]"},
        {"find": "new"},
        {"find": "new[:PORTION]", "replace": "new[:"},
        {"means": "no full stop"},
        {"tests": ()},
        {"stack": "oracle"},
    ],
    ids=[
        "symbol is gone",
        "text is gone",
        "text stands there twice",
        "no Python",
        "no sentence",
        "no test",
        "no stack",
    ],
)
def test_an_entry_that_no_longer_fits_is_an_error(said):
    with pytest.raises(Misfit):
        catalogue.fault(entry(**said))


def test_two_entries_of_one_name_are_an_error(monkeypatch, tmp_path):
    row = '[[mutant]]\nid = "x"\nmodule = "m"\nsymbol = "s"\nfind = "f"\nreplace = ""\nmeans = "A."\ntests = ["t"]\n'
    (tmp_path / "engine.toml").write_text(row * 2)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    with pytest.raises(Misfit, match="x"):
        catalogue.load()
