"""One trial: a process of its own imports the code with a fault in it, runs the tests, and says what became of it.

The fault exists in that process's memory alone; the working tree is never touched, whatever ends the process. Parents
fork it after they have imported what costs time and is not ours.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from tests.mutants.catalogue import ROOT, Fault

KILLED, BADLY, SURVIVED = "killed", "killed badly", "survived"
OUR_CODE = ("integration", "tenants", "config", "sandbox")
OPTIONS = (
    "-x", "-q", "-o", "addopts=", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "pytest_django.plugin",
    "-p", "tests.chaos.plugin", "-p", "no:unraisableexception", "-p", "no:threadexception",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of a fault, and which test says so."""

    word: str
    why: str = ""
    passed: int = 0


@dataclass
class Trial:
    """A running trial."""

    pid: int
    answer: int
    log: Path
    started: float

    def verdict(self) -> Verdict:
        """Read what the ended process had to say."""
        with os.fdopen(self.answer) as pipe:
            said = pipe.read()
        if not said:
            return Verdict(BADLY, f"the process died: {_last_line(self.log)}")
        return Verdict(**json.loads(said))


def start(fault: Fault | None, tests: Sequence[str], environment: Mapping[str, str], log: Path) -> Trial:
    """Begin a trial. Without a fault it shows whether the tests pass on the true code."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _live(fault, tests, environment, log, writer)
    os.close(writer)
    return Trial(pid, reader, log, time.monotonic())


def _live(fault: Fault | None, tests: Sequence[str], environment: Mapping[str, str], log: Path, writer: int) -> None:
    """The life of the forked process; it never returns."""
    try:
        os.setsid()  # whoever gives up on it ends its children too
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(environment, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        if fault is not None:
            sys.meta_path.insert(0, Faulty(fault))
        judge = Judge()
        pytest.main([*OPTIONS, *tests], plugins=[judge])
        os.write(writer, json.dumps(vars(judge.verdict())).encode())
    finally:
        sys.stdout.flush()
        os._exit(0)


class Faulty(MetaPathFinder):
    """Finds one module with a fault in it, and leaves all others to Python."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.fault.module:
            return None
        return importlib.util.spec_from_file_location(name, self.fault.path, loader=_Loader(name, self.fault))


class _Loader(SourceFileLoader):
    def __init__(self, name: str, fault: Fault) -> None:
        super().__init__(name, str(fault.path))
        self.fault = fault

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.fault.source, self.path, "exec", dont_inherit=True)
        return code


class Judge:
    """A pytest plugin that decides what the first failure is worth."""

    def __init__(self) -> None:
        self.passed = 0
        self.skipped: list[str] = []
        self.failure: Verdict | None = None

    def verdict(self) -> Verdict:
        """What the tests say. Those that did not run have not looked."""
        if self.failure:
            return self.failure
        if not self.passed or self.skipped:
            return Verdict(BADLY, f"not run: {', '.join(self.skipped) or 'any test'}")
        return Verdict(SURVIVED, passed=self.passed)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failure:
            self.failure = Verdict(BADLY, f"{report.nodeid} cannot be read: {_last(str(report.longrepr))}")

    def pytest_internalerror(self, excrepr: object) -> None:
        self.failure = self.failure or Verdict(BADLY, _last(str(excrepr)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        known_to_fail = hasattr(report, "wasxfail")
        if report.skipped and not known_to_fail:
            self.skipped.append(item.nodeid)
        elif report.when == "call" and (report.passed or known_to_fail):
            self.passed += 1
        elif report.failed and not self.failure:
            asserted = report.when == "call" and call.excinfo is not None and by_assertion(call.excinfo)
            said = f"{call.excinfo.typename}: {call.excinfo.value}" if call.excinfo else "unexpectedly passed"
            line = said.strip().splitlines()[0][:160]
            why = item.nodeid if asserted else f"{item.nodeid} ({report.when}) {line}"
            self.failure = Verdict(KILLED if asserted else BADLY, why)
        return report


def by_assertion(found: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether a test says that something is wrong; anything else that goes wrong says nothing about the fault."""
    wrong = found.value
    errors = wrong.exceptions if isinstance(wrong, BaseExceptionGroup) else [wrong]
    place = Path(str(found.traceback[-1].path))
    ours = place.is_relative_to(ROOT) and place.relative_to(ROOT).parts[0] in OUR_CODE
    return not ours and all(isinstance(error, (AssertionError, pytest.fail.Exception)) for error in errors)


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:200]


def _last_line(log: Path) -> str:
    return _last(log.read_text(errors="replace")) if log.exists() else "it said nothing"
