"""The connection form: address checked against the vendor's hosts, secret written and never shown again."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Connector
from integration.connectors.registry import connector_choices, get_connector
from integration.forms.account_form import LONGEST, SECRET_LABELS, AccountRules, fill, key_kind
from integration.models import Connection

if TYPE_CHECKING:
    from django.forms import PasswordInput as PasswordWidget

    ModelForm = forms.ModelForm[Connection]
else:
    from django.forms import ModelForm
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordWidget


class ConnectionForm(AccountRules, ModelForm):
    """Address and secret of one connection. The vendor is fixed before the form is shown."""

    vendor = ""  # set by the admin for a new row
    refusal = ""  # set by the admin: what the vendor said to what was typed

    secret = forms.CharField(
        required=False, max_length=LONGEST, widget=PasswordWidget(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = Connection
        fields = ("tenant", "base_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if not row.vendor:
            row.vendor = self.vendor
            row.auth_kind = key_kind(row.connector)
        connector = self.connector = row.connector
        if row.auth_kind == "oauth":
            self.fields.pop("secret", None)
        if "base_url" in self.fields:
            self.fields["base_url"].label = gettext("Address of {vendor}").format(vendor=connector.label)
            self.fields["base_url"].required = not connector.default_base_url
            self.fields["base_url"].help_text = _example(connector)
        if "secret" in self.fields:
            self.fields["secret"].label = SECRET_LABELS.get(row.auth_kind, _("Secret"))
            self.fields["secret"].required = row._state.adding
            self.fields["secret"].help_text = _known(row)
            self.add_beside(required=row._state.adding)
            for name in () if row._state.adding else connector.asks:
                self.fields[name].help_text = gettext("Leave empty to keep it.")

    def clean(self) -> dict[str, Any]:
        """Nothing is kept that the vendor refuses."""
        data = super().clean() or {}
        if self.refusal:
            self.add_error("secret", self.refusal)
        return data

    def filled(self) -> Connection | None:
        """Return the connection as it would be stored, when its credentials are new; call it when the form is valid."""
        row = copy.copy(self.instance)
        return row if fill(row, self.cleaned_data) else None

    def save(self, commit: bool = True) -> Connection:
        """Take the credentials over."""
        fill(self.instance, self.cleaned_data)
        return super().save(commit)


def _example(connector: Connector) -> str:
    if connector.default_base_url:
        return gettext("Leave empty for {address}.").format(address=connector.default_base_url)
    host = connector.policy.hosts[0]
    return gettext("For example {address}").format(address=f"https://{'acme' if host.startswith('.') else ''}{host}")


def _known(row: Connection) -> str:
    if not row.credentials_hint or row.credentials_changed_at is None:
        return ""
    changed = timezone.localtime(row.credentials_changed_at)
    text = gettext("The present one ends in {hint}, changed on {date}. Leave empty to keep it.")
    if row.credentials_hint == "…":
        text = gettext("Changed on {date}. Leave empty to keep it.")
    return text.format(hint=row.credentials_hint, date=date_format(changed, "j M Y"))


def choices(tenant: str) -> list[tuple[str, str, str]]:
    """The vendors somebody can connect here: address of the form, name, what is needed."""
    from_here = []
    for key, label in connector_choices():
        if kind := key_kind(get_connector(key)):
            query = f"?vendor={key}" + (f"&tenant={tenant}" if tenant else "")
            from_here.append((query, label, gettext("with its {key}").format(key=SECRET_LABELS.get(kind, kind))))
    return from_here
