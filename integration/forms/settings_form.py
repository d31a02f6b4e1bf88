"""A recipe's settings form as a page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.forms import BoundField, Form
from django.utils.translation import gettext


def sections(form: Form) -> Iterator[tuple[str, list[tuple[BoundField, str]]]]:
    """Yield (title, [(field, what it depends on as JSON)]); fields without a section come last."""
    depends = getattr(form, "depends", {})
    declared = getattr(form, "sections", ())
    placed = {name for _, names in declared for name in names}
    rest = tuple(name for name in form.fields if name not in placed)
    for title, names in (*declared, *(((gettext("Settings"), rest),) if rest else ())):
        yield title, [(form[name], json.dumps(depends[name]) if name in depends else "") for name in names]
