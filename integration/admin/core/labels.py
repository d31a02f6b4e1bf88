"""Changed fields as the console shows them: by label, old and new value, folded when there are many."""

from __future__ import annotations

from django.utils.translation import ngettext

from config.json_value import JSONObject
from integration.admin.core import html
from integration.admin.core.masking import mask_key
from integration.engine.mapping.labels import Labels, labels_of, named


def changes(fields: JSONObject, labels: Labels, *, fold: bool = False) -> html.Html:
    """Old and new values by label; many of them unfold on demand."""
    table = html.changes(named(fields, labels))
    if not fold or len(fields) <= 4:
        return table
    names = [mask_key(name) for name in named(fields, labels)]
    text = ngettext("{count} field: {names}, …", "{count} fields: {names}, …", len(names))
    return html.folded(text.format(count=len(names), names=", ".join(names[:4])), table)


__all__ = ["Labels", "changes", "labels_of"]
