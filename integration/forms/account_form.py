"""An account at a vendor, typed in: address, key, and what the vendor asks for beside it. Used by portal and console.

What is typed is checked by one set of rules, proven at the vendor before anything is kept, and stored in one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector
from integration.engine.clients import connection_health
from integration.engine.flow.general_reasons import general_text
from integration.errors import IntegrationError
from integration.guard import AddressRefused
from integration.models import Connection, Health
from tenants.models import Tenant

SECRET_LABELS = {"api_key": _("API key"), "api_token": _("API token")}
ENTER = {"api_key": _("Enter the API key."), "api_token": _("Enter the API token.")}
LONGEST = 2000
TAKEN = _(
    "This account is connected already, by another connection of yours. Use that one, or the key of another account."
)
IN_PIECES = _("There are spaces or line breaks inside. Copy it again in one piece.")

if TYPE_CHECKING:
    Base = forms.BaseForm
else:
    Base = object


def key_kind(connector: Connector) -> str:
    """Return the kind of credentials a person can type in, empty where the vendor only has its consent page."""
    return next((kind for kind in connector.auth_kinds if kind in SECRET_LABELS), "")


class AccountRules(Base):
    """What every form with an address and a key checks. The form says which connector it is for."""

    connector: Connector

    def clean_base_url(self) -> str:
        """Bring the address into shape: the vendor's own public host, nothing else."""
        return clean_address(self.connector, str(self.cleaned_data.get("base_url") or ""))

    def clean_secret(self) -> str:
        """Refuse what is not printable in one piece; a copied line break is the usual mistake."""
        secret = str(self.cleaned_data.get("secret") or "")
        if any(sign.isspace() or not sign.isprintable() for sign in secret):
            raise ValidationError(IN_PIECES)
        return secret

    def add_beside(self, *, required: bool) -> None:
        """Add the fields that this vendor asks for beside the key."""
        for name, label in self.connector.asks.items():
            self.fields[name] = forms.CharField(label=label, required=required, max_length=300)


def clean_address(connector: Connector, typed: str) -> str:
    """Return the address a client may call. Raises ValidationError for one that is not the vendor's."""
    try:
        return connector.policy.check(connector.normalise_base_url(typed or connector.default_base_url))
    except AddressRefused as exc:
        raise ValidationError(exc.public) from exc


def fill(row: Connection, typed: Mapping[str, str]) -> bool:
    """Take over what was typed (not saved); what was left empty stays. Returns whether the credentials changed.

    One that was disconnected starts anew.
    """
    if typed.get("base_url"):
        row.base_url = typed["base_url"]
    secret = typed.get("secret") or ""
    beside = {name: typed[name] for name in row.connector.asks if typed.get(name)}
    if secret:
        row.replace_secret(secret)
    if beside:
        row.credentials = {**row.credentials, **beside}
    if (secret or beside) and row.health == Health.DISCONNECTED:
        row.health, row.health_reason = Health.UNCHECKED, ""
    return bool(secret or beside)


def prove(row: Connection) -> Account:
    """Ask the vendor whose account the filled-in credentials open. Keeps nothing.

    Raises ValidationError with cause and fix.
    """
    try:
        found = connection_health.probe(row)
    except IntegrationError as exc:
        raise ValidationError(refusal(exc)) from exc
    if row.is_another(found) or (row.external_account_id and not found.external_id):  # new credentials must name it
        said = gettext("This key belongs to {other}, not to {account}. Use a key of the same account.")
        raise ValidationError(said.format(other=found.name, account=row.account_name))
    others = Connection.objects.filter(tenant=row.tenant, vendor=row.vendor).exclude(pk=row.pk)
    same = others.filter(external_account_id=found.external_id).exclude(health=Health.DISCONNECTED)
    if found.external_id and same.exists():
        raise ValidationError(TAKEN)
    return found


def refusal(exc: IntegrationError) -> str:
    """Put a vendor's refusal into one line: what, in whose words, and what to do."""
    known = general_text(exc.reason)
    return f"{known.what if known else ''} {exc.public} {known.fix if known else ''}".strip()


class KeyForm(AccountRules, forms.Form):
    """Another key for an account that is connected."""

    secret = forms.CharField(max_length=LONGEST)

    def __init__(self, connector: Connector, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector = connector
        self.fields["secret"].error_messages["required"] = gettext("Enter the new key first.")


class AccountForm(AccountRules, forms.Form):
    """One side of an integration: an account that is connected already, or address and key of another."""

    def __init__(self, connector: Connector, known: list[Connection], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector = connector
        self.known = {str(row.pk): row for row in known}
        self.kind = key_kind(connector)
        if known:
            another = (
                [("", gettext("Another account"))] if self.kind else []
            )  # one without a key is added by logging in
            offered = [(key, row.account_name or row.base_url) for key, row in self.known.items()]
            self.fields["account"] = forms.ChoiceField(
                label=gettext("Account"), choices=[*offered, *another], required=False, initial=offered[0][0]
            )
        if self.kind and (not connector.default_base_url or settings.SANDBOX_URL):
            known_one = gettext("Leave empty for the real {vendor}.").format(vendor=connector.label)
            self.fields["base_url"] = forms.CharField(
                label=gettext("Address of {vendor}").format(vendor=connector.label), required=False, max_length=300,
                help_text=known_one if connector.default_base_url else gettext("As you see it in your browser."),
            )  # fmt: skip
        if self.kind:
            self.fields["secret"] = forms.CharField(
                label=SECRET_LABELS[self.kind], required=False, max_length=LONGEST,
                widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
            )  # fmt: skip
            self.add_beside(required=False)

    def clean_base_url(self) -> str:
        """The address matters for another account only."""
        return "" if self.data.get(self.add_prefix("account")) else super().clean_base_url()

    def clean(self) -> dict[str, str]:
        """Ask for all that another account needs."""
        data = super().clean() or {}
        if data.get("account"):
            return data
        if not self.kind:
            raise ValidationError(gettext("Log in with {vendor} first.").format(vendor=self.connector.label))
        if not data.get("secret") and "secret" not in self.errors:
            self.add_error("secret", ENTER[self.kind])
        for name in self.connector.asks:
            if not data.get(name):
                self.add_error(name, gettext("Enter this, too."))
        return data

    def connection(self, tenant: Tenant) -> Connection:
        """Return the picked connection, or a new one proven at the vendor.

        Raises ValidationError with cause and fix.
        """
        if picked := self.known.get(self.cleaned_data.get("account", "")):
            return picked
        row = Connection(tenant=tenant, vendor=self.connector.key, auth_kind=self.kind)
        fill(row, self.cleaned_data)
        row.base_url = row.base_url or clean_address(self.connector, "")  # where the form does not ask for it
        prove(row)
        row.save()
        try:
            works = connection_health.check(row)
        except IntegrityError as exc:
            row.delete()
            raise ValidationError(TAKEN) from exc
        if not works:
            row.delete()
            raise ValidationError(
                gettext("{vendor} does not answer at the moment. Try again shortly.").format(
                    vendor=self.connector.label
                )
            )
        return row
