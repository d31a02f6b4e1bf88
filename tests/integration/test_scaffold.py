"""A scaffolded connector passes the standard suite from its first day, and says what is still to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as a folder of its own."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis", "screenshots")
    shutil.copytree(ROOT, root, ignore=ignored)
    return root


def ran(root: Path, *command: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_new_connector_passes_and_lists_what_is_to_do(copy: Path) -> None:
    call_command("scaffold_connector", "acme_crm", label="Acme CRM", host="api.acme.example", root=copy)

    said = ran(
        copy, "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "tests/integration/connectors/acme_crm",
        "tests/integration/test_quality.py", "tests/integration/test_access.py",
    )  # fmt: skip
    assert "passed" in said or "100%" in said
    folders = ("integration/connectors/acme_crm", "tests/integration/connectors/acme_crm")
    ran(copy, "ruff", "check", "--fix", "--select", "I", *folders)  # imports are sorted by the new name
    ran(copy, "ruff", "format", *folders)
    ran(copy, "ruff", "check", *folders)
    ran(copy, "mypy", "integration/connectors/acme_crm")
    assert '"integration.connectors.acme_crm",\n]' in (copy / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("vendor", "label", "host"),
    [
        ("Acme", "Acme", "api.acme.example"),
        ("class", "Acme", "api.acme.example"),
        ("../acme", "Acme", "api.acme.example"),
        ("acme", 'A"c', "api.acme.example"),
        ("acme", " ", "api.acme.example"),
        ("acme", "Acme", "https://api.acme.example"),
        ("brevo", "Brevo", "api.brevo.com"),
    ],
)
def test_what_cannot_be_a_connector_is_refused_before_anything_is_written(vendor: str, label: str, host: str) -> None:
    before = (ROOT / "integration" / "connectors" / "registry.py").read_text()

    with pytest.raises(CommandError):
        call_command("scaffold_connector", vendor, label=label, host=host)

    assert (ROOT / "integration" / "connectors" / "registry.py").read_text() == before
