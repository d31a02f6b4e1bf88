"""Settings that would hurt at three in the morning, found at start-up instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register

from config.json_value import json_number
from integration.management.roles import ROLES

Apps: TypeAlias = Sequence[AppConfig] | None  # those asked for; none: all
Databases: TypeAlias = Sequence[str] | None


@register("lockstep")
def check_secret_keys(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E001: encryption keys are there and well formed."""
    keys = settings.LOCKSTEP_SECRET_KEYS
    try:
        problem = None if [Fernet(key) for key in keys] else "no key is set"
    except ValueError as exc:
        problem = str(exc)
    if problem is None:
        return []
    hint = "Make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
    return [Error(f"LOCKSTEP_SECRET_KEYS: {problem}.", hint=hint, id="lockstep.E001")]


@register("lockstep")
def check_hash_key(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E002: the key for hashes is there."""
    if settings.LOCKSTEP_HASH_KEY:
        return []
    return [
        Error("LOCKSTEP_HASH_KEY is not set.", hint="Any long random text; never change it later.", id="lockstep.E002")
    ]


@register("lockstep")
def check_secret_key(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E005: sessions and queue messages can be signed."""
    if settings.SECRET_KEY:
        return []
    return [Error("SECRET_KEY is not set.", hint="Any long random text.", id="lockstep.E005")]


@register("lockstep")
def check_queue(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E003: the broker never hands a task out twice while it still runs."""
    queue = {name: json_number(settings.Q_CLUSTER[name]) for name in ("timeout", "retry", "queue_limit", "workers")}
    least = queue["timeout"] * (queue["queue_limit"] / queue["workers"] + 1)
    if queue["retry"] > least:
        return []
    return [Error(f"Q_CLUSTER retry must be more than {least:.0f} seconds.", id="lockstep.E003")]


@register("lockstep")
def check_alerts(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E006, E007: alerts that are wished for can be sent."""
    errors = []
    if settings.ALERT_EMAILS and not settings.EMAIL_URL:
        hint = "For example EMAIL_URL=smtp+tls://user:password@mail.example.com:587"
        errors.append(Error("ALERT_EMAILS is set, but EMAIL_URL is not.", hint=hint, id="lockstep.E006"))
    if settings.ALERT_WEBHOOK_URL and not settings.ALERT_WEBHOOK_SECRET:
        hint = "Any long random text; the receiver verifies the signature with it."
        errors.append(Error("ALERT_WEBHOOK_URL needs ALERT_WEBHOOK_SECRET.", hint=hint, id="lockstep.E007"))
    return errors


@register("lockstep")
def check_identity_provider(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E008: operators can sign in with the identity provider that is named, and get a role."""
    if not settings.OIDC_ISSUER:
        return []
    errors = []
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES"):
        if not getattr(settings, name):
            hint = "deploy/README.md, Sign in with an identity provider, has an example."
            errors.append(Error(f"OIDC_ISSUER is set, but {name} is not.", hint=hint, id="lockstep.E008"))
    if unknown := sorted(set(settings.OIDC_ROLES.values()) - set(ROLES)):
        text = f"OIDC_ROLES names {', '.join(unknown)}, which is no role of the console."
        errors.append(Error(text, hint=f"The roles are {', '.join(ROLES)}.", id="lockstep.E008"))
    if not settings.DEVELOPMENT and not settings.OIDC_ISSUER.startswith("https://"):
        text = "OIDC_ISSUER is no https address: whoever listens in could sign in as an operator."
        errors.append(Error(text, hint="Give the provider a certificate.", id="lockstep.E008"))
    return errors


@register("lockstep")
def check_registries(app_configs: Apps, **kwargs: Databases) -> list[Error]:
    """lockstep.E004: every registered connector and recipe can be loaded."""
    from integration.connectors.registry import CONNECTORS, get_connector  # noqa: PLC0415
    from integration.recipes.registry import RECIPES, get_recipe  # noqa: PLC0415

    errors = []
    for keys, load in ((CONNECTORS, get_connector), (RECIPES, get_recipe)):
        for key in keys:
            try:
                load(key)
            except (ImportError, AttributeError, AssertionError) as exc:
                errors.append(Error(f"{key} cannot be loaded: {exc}", id="lockstep.E004"))
    return errors
