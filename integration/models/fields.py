"""Model fields of our own: text encrypted at rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.secrets import DecryptionFailed, decrypt, encrypt

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField


class UnreadableSecret(dict[str, str]):
    """An encrypted value that no configured key opens: empty to look at, kept as it is when its row is saved."""

    def __init__(self, sealed: str) -> None:
        super().__init__()
        self.sealed = sealed


class EncryptedJSONField(TextField):
    """A JSON value stored encrypted. Cannot be searched or ordered by.

    When no configured key fits, the row still loads, with an `UnreadableSecret` in place of the value.
    """

    description = _("Encrypted JSON")
    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper) -> JSONValue:
        """Open what was stored."""
        if not value:
            return {}
        try:
            opened: JSONValue = json.loads(decrypt(value))
            return opened
        except DecryptionFailed:
            return UnreadableSecret(value)

    def to_python(self, value: JSONValue) -> JSONValue:
        """Leave Python values alone."""
        return value

    def get_prep_value(self, value: JSONValue) -> str:
        """Seal what is to be stored."""
        if isinstance(value, UnreadableSecret):
            return value.sealed  # saving the row must not destroy what an old key may still open
        return encrypt(json.dumps(value or {}))

    def value_to_string(self, obj: models.Model) -> str:
        """Never serialise a secret."""
        return ""
