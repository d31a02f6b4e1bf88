"""The connection form: address checked against the vendor's hosts, secret written and never shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone

from integration.connectors.base import Connector
from integration.connectors.registry import connector_choices, get_connector
from integration.guard import AddressRefused
from integration.models import Connection

if TYPE_CHECKING:
    from django.forms import PasswordInput as PasswordWidget

    ModelForm = forms.ModelForm[Connection]
else:
    from django.forms import ModelForm
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordWidget

SECRET_LABELS = {"api_key": "API key", "api_token": "API token"}


def key_kind(connector: Connector) -> str:
    """The kind of credentials a person can type in, if the vendor has one; OAuth is connected by the tenant."""
    return next((kind for kind in connector.auth_kinds if kind != "oauth"), "")


class ConnectionForm(ModelForm):
    """Address and secret of one connection. The vendor is fixed before the form is shown."""

    vendor = ""  # set by the admin for a new row

    secret = forms.CharField(
        required=False, max_length=2000, widget=PasswordWidget(attrs={"autocomplete": "new-password"})
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
        connector = row.connector
        if row.auth_kind == "oauth":
            self.fields.pop("secret", None)
        if "base_url" in self.fields:
            self.fields["base_url"].label = f"Address of {connector.label}"
            self.fields["base_url"].required = not connector.default_base_url
            self.fields["base_url"].help_text = _example(connector)
        if "secret" in self.fields:
            self.fields["secret"].label = SECRET_LABELS.get(row.auth_kind, "Secret")
            self.fields["secret"].required = row._state.adding
            self.fields["secret"].help_text = _known(row)
            for name, label in connector.asks.items():
                self.fields[name] = forms.CharField(label=label, required=row._state.adding, max_length=300)
                if not row._state.adding:
                    self.fields[name].help_text = "Leave empty to keep it."

    def clean_base_url(self) -> str:
        """The vendor's own public host, nothing else."""
        connector = self.instance.connector
        try:
            address = connector.normalise_base_url(self.cleaned_data["base_url"] or connector.default_base_url)
            return connector.policy.check(address)
        except AddressRefused as exc:
            raise forms.ValidationError(exc.public) from exc

    def clean_secret(self) -> str:
        """Printable characters in one piece; a copied line break is the usual mistake."""
        secret = str(self.cleaned_data["secret"])
        if any(character.isspace() or not character.isprintable() for character in secret):
            raise forms.ValidationError("There are spaces or line breaks inside. Copy it again in one piece.")
        return secret

    def save(self, commit: bool = True) -> Connection:
        """Take the secret over; a row that was disconnected starts anew."""
        row = self.instance
        if secret := self.cleaned_data.get("secret"):
            row.replace_secret(secret)
        if beside := {name: value for name in row.connector.asks if (value := self.cleaned_data.get(name))}:
            row.credentials = {**row.credentials, **beside}
        if secret or beside:
            if row.health == "disconnected":
                row.health, row.health_reason = "unchecked", ""
        return super().save(commit)


def _example(connector: Connector) -> str:
    if connector.default_base_url:
        return f"Leave empty for {connector.default_base_url}."
    return (
        f"For example https://{'acme' if connector.policy.hosts[0].startswith('.') else ''}{connector.policy.hosts[0]}"
    )


def _known(row: Connection) -> str:
    if not row.credentials_hint or row.credentials_changed_at is None:
        return ""
    changed = timezone.localtime(row.credentials_changed_at)
    hint = f"The present one ends in {row.credentials_hint}, changed on {changed:%-d %b %Y}. Leave empty to keep it. "
    return hint if row.credentials_hint != "…" else f"Changed on {changed:%-d %b %Y}. Leave empty to keep it. "


def choices(tenant: str) -> list[tuple[str, str, str]]:
    """The vendors somebody can connect here: address of the form, name, what is needed."""
    from_here = []
    for key, label in connector_choices():
        if kind := key_kind(get_connector(key)):
            query = f"?vendor={key}" + (f"&tenant={tenant}" if tenant else "")
            from_here.append((query, label, f"with its {SECRET_LABELS.get(kind, kind)}"))
    return from_here


__all__ = ["ConnectionForm", "choices", "key_kind"]
