"""`make check` refuses texts that cannot be translated."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "texts.py"


@pytest.fixture
def texts(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("texts", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ('gettext(f"{count} records")', "what is marked is not one plain text"),
        ('_("Hello " + name)', "what is marked is not one plain text"),
        ('ngettext("one", other, 2)', "what is marked is not one plain text"),
        ('f(lambda: gettext("Hello {name}.").format(nmae=1))', "no value for name"),
        ('f(lambda: gettext("Hello {name}.").format(name=1, vendor=2))', "no placeholder for vendor"),
        ('format_lazy(_("Hello {name}."), vendor=2)', "no value for name"),
        ('def f():\n    text = gettext("Hello {name}.")\n    return text.format(nam=1)', "no value for name"),
        ('gettext("Hello.")', "translated when the module is imported: gettext_lazy"),
        ('ReasonText(CODE, KIND, "It failed.", _("Why."), _("Fix."))', "not marked: It failed."),
        ('forms.CharField(label="Name of the key")', "not marked: Name of the key"),
        ('forms.CharField(help_text=f"Fields of {vendor}")', "not marked: Fields of "),
        ('raise ValidationError("Too long.")', "not marked: Too long."),
        ('messages.error(request, f"Not saved: {why}")', "not marked: Not saved: "),
        ('class Meta:\n    verbose_name = "member"', "not marked: member"),
        ('class Role(models.TextChoices):\n    OWNER = "owner", "Owner"', "not marked: Owner"),
        ('@admin.display(description="State")\ndef state(self): ...', "not marked: State"),
    ],
)
def test_a_fault_is_named(texts, code, fault):
    assert fault in [found for _line, found in texts.faults_in(code)]


@pytest.mark.parametrize(
    "code",
    [
        'forms.CharField(label=_("Name of the key"), help_text="")',
        'Recipe(label="Pipedrive ↔ Maileon")',
        'f(lambda: gettext("Hello {name}.").format(name=1))',
        'def f():\n    text = gettext("A {b}.")\n    if c:\n        text = gettext("A.")\n    return text.format(b=1)',
        'def f():\n    text = gettext("A {b}.")\n    text.format(b=1)\n    text = gettext("C {d}.")\n    '
        "text.format(d=1)",
        "messages.error(request, exc.public)",
        'log.error("It failed: %s", why)',
        'class Role(models.TextChoices):\n    OWNER = "owner", _("Owner")',
    ],
)
def test_what_can_be_translated_passes(texts, code):
    assert texts.faults_in(code) == []


def test_only_exempt_places_are_not_read(texts, tmp_path, capsys):
    for place in ("integration/management/commands", "integration/engine"):
        path = tmp_path / place / "module.py"
        path.parent.mkdir(parents=True)
        path.write_text('x = ValidationError("Too long.")\n')

    assert texts.main() == 1
    assert capsys.readouterr().out == "integration/engine/module.py:1: not marked: Too long.\n"
