"""Ask for known advisories about what the hub needs to run: the packages of requirements.txt and what these need.

Exit 1 names each advisory, or says why the question could not be put. Exit 0 is one line: how many packages were asked
about, or that nobody could be asked, which must not stop anybody's work. A source that knows none of our packages is a
mirror without advisories, not good news.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SOURCES = {"PyPI": ["-s", "pypi"], "OSV": ["-s", "osv"]}
NO_CONNECTION = re.compile(r"(?i)connect|timed? ?out|resolve|max retries|network|proxy|ServiceError")
PATIENCE = 300  # seconds for all packages; the sources are asked package by package


@dataclass
class Findings:
    """What one source said. `asked` counts the packages it knows."""

    asked: int = 0
    unknown: list[str] = field(default_factory=list)
    broken: str = ""  # what it said when it was not for want of a connection
    advisories: list[str] = field(default_factory=list)


def main() -> int:
    """Ask one source after the other until one knows our packages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--osv-url", help="ask this server alone, in OSV's way")
    url = parser.parse_args().osv_url
    pins = installed((ROOT / "requirements.txt").read_text().splitlines())
    for name, options in ({url: ["-s", "osv", "--osv-url", url]} if url else SOURCES).items():
        found = ask(pins, options)
        if found.advisories:
            print(f"audit: {name} knows advisories about what we need", *found.advisories, sep="\n  ")  # noqa: T201
            return 1
        if found.asked:
            print(f"audit: {name} knows no advisory about {found.asked} of {len(pins)} packages")  # noqa: T201
            if found.unknown:
                print("audit: unknown to it, so not asked about:", ", ".join(found.unknown))  # noqa: T201
            return 0
        if found.broken:
            print("audit: pip-audit does not work:", found.broken)  # noqa: T201
            return 1
    print("audit: not done, no source of advisories could be reached")  # noqa: T201
    return 0


def installed(lines: list[str]) -> dict[str, str]:
    """Name → version of the required packages and all they need, as installed here."""
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        need = wanted.pop()
        name = re.sub(r"[-_.]+", "-", need.name).lower()
        if (name, frozenset(need.extras)) in seen:
            continue
        seen.add((name, frozenset(need.extras)))
        try:
            pins[name] = version(name)
        except PackageNotFoundError:
            continue  # for another platform
        wanted += needed_by(name, need.extras)
    return pins


def needed_by(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What a package needs on this platform, with the extras it is wanted with."""
    for line in requires(name) or []:
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield need


def ask(pins: dict[str, str], source: list[str]) -> Findings:
    """Ask one source; nothing asked when it cannot be reached or knows none of the packages."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("".join(f"{name}=={number}\n" for name, number in sorted(pins.items())))
        listed.flush()
        command = [sys.executable, "-m", "pip_audit", "-r", listed.name, "--no-deps", "--disable-pip", "-f", "json"]
        try:
            answer = subprocess.run(  # noqa: S603 (our own list)
                [*command, "--progress-spinner", "off", *source], capture_output=True, text=True, timeout=PATIENCE
            )
            rows: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
        except subprocess.TimeoutExpired:
            return Findings()
        except json.JSONDecodeError:
            last = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return Findings(broken="" if NO_CONNECTION.search(answer.stderr) else last)
    known = [row for row in rows if "skip_reason" not in row]
    unknown = sorted(row["name"] for row in rows if "skip_reason" in row)
    return Findings(len(known), unknown, advisories=[line for row in known for line in advisories(row)])


def advisories(row: dict[str, Any]) -> Iterator[str]:
    """One line per advisory: package, version, advisory, the versions that mend it."""
    for advisory in row["vulns"]:
        mended = ", ".join(advisory["fix_versions"]) or "no version yet"
        yield f"{row['name']} {row['version']}: {advisory['id']}, mended by {mended}"


if __name__ == "__main__":
    sys.exit(main())
