"""`make messages` finds the texts in code and templates; a compiled catalogue is used; all are in our wording."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation

PATH = Path(__file__).parents[2] / ".ci" / "messages.py"
# Words that say nothing to a marketing manager, and the two that email is called by mistake.
PRIVATE = re.compile(
    r"\bin step\b|\bby mail\b|\bmends?\b|\bafresh\b|\blest\b|\bgoes on\b|\bworked off\b|\bat the (source|target)\b"
    r"|\be-mail\b|\bopt-in mails?\b|\b(both|two) systems\b|\bThe vendor told\b|(^|\. )Who \w|\b(Empty|Off): ",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def messages():
    spec = importlib.util.spec_from_file_location("messages", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(messages):
    return messages.collected()


def test_the_texts_of_code_and_templates_are_found(found):
    assert len(found) > 1800
    for text in ("No email address.", "Needs attention", "Email or ID", "Likely cause:", "Vendors, last hour"):
        assert text in found, text
    assert found.get("{count} record failed: {why}").pluralizable
    assert "python-brace-format" in found.get("Log in with {vendor} first.").flags


def test_the_texts_keep_to_the_wording(found):
    texts = [text for message in found if message.id for text in _forms(message.id)]

    assert [text for text in texts if PRIVATE.search(text)] == []


def _forms(text):
    return text if isinstance(text, tuple) else (text,)


def test_a_catalogue_is_brought_up_to_date_compiled_and_used(messages, tmp_path, settings):
    path = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Gone"\nmsgstr "Weg"\n')
    assert messages.main(tmp_path) == 0

    text = path.read_text().replace(
        'msgid "Needs attention"\nmsgstr ""', 'msgid "Needs attention"\nmsgstr "Handlung nötig"'
    )
    path.write_text(text)
    assert messages.main(tmp_path) == 0

    with path.open("rb") as file:
        catalogue = read_po(file)
    assert "Gone" not in catalogue
    settings.LOCALE_PATHS = [tmp_path]
    translation.trans_real._translations.pop("de", None)
    with translation.override("de"):
        assert translation.gettext("Needs attention") == "Handlung nötig"
        assert translation.gettext("In sync") == "In sync"
    translation.trans_real._translations.pop("de", None)
