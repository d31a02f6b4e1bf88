"""Write the first version of a connector into the project: it passes the standard suite, and says what is to do."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from integration.quality import RULES

TEMPLATES = Path(__file__).resolve().parent
NAME = re.compile(r"[a-z][a-z0-9_]{1,28}[a-z0-9]")
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
SUITE = "tests/support/conformance/suite.py::"
# Rules that the scaffolded code keeps from its first day, by the case that asserts it.
KEPT = {
    "permission-told": "test_a_failure_becomes_our_error",
    "limits-honoured": "test_nothing_is_called_when_a_window_is_used_up",
    "wrong-envelope": "test_a_success_in_another_shape_is_a_contract_error",
    "secrets-hidden": "test_credentials_are_in_no_error_and_no_recorded_call",
}
TODO = "Not looked at yet."


@dataclass(frozen=True)
class NewConnector:
    """What a connector is made of. Raises ValueError for names that cannot be one."""

    vendor: str
    label: str
    host: str

    def __post_init__(self) -> None:
        """Refuse what would not be a package, a label or a host."""
        if not NAME.fullmatch(self.vendor) or keyword.iskeyword(self.vendor):
            raise ValueError(
                "The key has 3 to 30 lower-case letters, digits and underscores, and begins with a letter."
            )
        if not self.label.strip() or '"' in self.label or "\\" in self.label:
            raise ValueError("The label is a name without quotation marks.")
        if not HOST.fullmatch(self.host):
            raise ValueError("The host is a name such as api.example.com, without https://.")

    @property
    def words(self) -> dict[str, str]:
        """What the templates ask for."""
        name = "".join(part.capitalize() for part in self.vendor.split("_"))
        return {"vendor": self.vendor, "label": self.label.strip(), "host": self.host, "class": name}


def write(new: NewConnector, root: Path) -> list[Path]:
    """Write the files and enter the connector where the project lists them. Returns what was written or changed.

    Raises FileExistsError, before anything is written, when the vendor is there already.
    """
    package = root / "integration" / "connectors" / new.vendor
    tests = root / "tests" / "integration" / "connectors" / new.vendor
    for folder in (package, tests):
        if folder.exists():
            raise FileExistsError(f"{folder} exists.")
    written = [*_fill(TEMPLATES / "connector", package, new), *_fill(TEMPLATES / "tests", tests, new)]
    quality = package / "quality.yaml"
    quality.write_text(_quality(), encoding="utf-8")
    return [*written, quality, *_enter(new, root)]


def _fill(templates: Path, folder: Path, new: NewConnector) -> list[Path]:
    folder.mkdir(parents=True)
    written = []
    for template in sorted(templates.glob("*.txt")):
        path = folder / template.name.removesuffix(".txt")
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(new.words), encoding="utf-8")
        written.append(path)
    return written


def _quality() -> str:
    lines = [
        "# How this connector answers the rules of docs/quality.md: done with the test that proves it, exempt, or todo."
    ]
    for rule in RULES:
        answer = f"done: {SUITE}{KEPT[rule.key]}" if rule.key in KEPT else f"todo: {TODO}"
        lines += [f"- rule: {rule.key}", f"  {answer}"]
    return "\n".join(lines) + "\n"


def _enter(new: NewConnector, root: Path) -> list[Path]:
    """The registry, the contract that vendors do not know each other, and the list of what is still to do."""
    todos = "".join(f'    ("{new.vendor}", "{rule.key}"),\n' for rule in RULES if rule.key not in KEPT)
    places = (
        (
            "integration/connectors/registry.py",
            "}\n\n\n@cache",
            f'    "{new.vendor}": "integration.connectors.{new.vendor}.connector",\n',
        ),
        ("tests/integration/test_quality.py", "}\n\n\ndef called", todos),
    )
    changed = []
    for name, before, line in places:
        path = root / name
        text = path.read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise ValueError(f"{name} has another form than expected; add by hand: {line}")
        path.write_text(text.replace(before, line + before), encoding="utf-8")
        changed.append(path)
    return [*changed, _independent(new, root)]


def _independent(new: NewConnector, root: Path) -> Path:
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    name = 'name = "Vendors do not know each other"'
    head, _, tail = text.partition(name)
    modules, bracket, rest = tail.partition("]\n")
    entry = f'    "integration.connectors.{new.vendor}",\n'
    path.write_text(f"{head}{name}{modules}{entry}{bracket}{rest}", encoding="utf-8")
    return path
