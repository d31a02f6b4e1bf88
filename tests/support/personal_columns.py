"""Every column that may hold personal data, made from the models: what is not named harmless here counts as personal.

Erasure, uninstalling and closing a tenant are tested against this one list.
"""

from __future__ import annotations

from django.apps import apps
from django.db import models

HARMLESS_FIELDS = (
    models.AutoField, models.BooleanField, models.IntegerField, models.FloatField, models.DateTimeField,
    models.UUIDField, models.ForeignKey, models.OneToOneField,
)  # fmt: skip

# Numbers and ids of records, keyed hashes, words of ours from closed lists, keys and secrets.
IDS_AND_CODES = frozenset(
    "id email_hash external_id source_id target_id parent_id record_id own_key dedupe_key flow kind reason "
    "action vendor was became cause object_type link_type vendor_event method event field fingerprint marker "
    "written_hash note window "
    "key name claim_token lease_token provision_lease_token refresh_lease_token token token_hash secret seed recovery "
    "subject health_reason auth_kind recipe session_key session_hash func hook group cluster task_id "
    "page_done counts usage weights".split()
)

# Columns that hold something else, and why it is no person a tenant's systems know.
ELSE = {
    "auth.user": "people who sign in to the hub: an account of theirs, not a tenant's data",
    "auth.group": "roles",
    "auth.permission": "rights",
    "contenttypes.contenttype": "names of tables",
    "admin.logentry": "of Django, written by nobody any more",
    "tenants.auditentry": "the audit, whose sentences name nobody whose data is synced",
    "axes.accesslog": "successful sign-ins of users",
    "sessions.session": "of Django, written by nobody any more",
    "django_q.schedule": "what runs by the clock",
    "django_q.ormq": "ids only: tests/security/test_cache_and_queue.py",
    "django_q.success": "none is kept: save_limit",
    "django_q.task": "the table of the next two",
    "tenants.tenant": "the tenant's own name",
    "tenants.vendoridentity": "ids of users at a vendor",
    "tenants.operatoridentity": "ids of operators at their provider",
    "integration.authenticatorapp": "a user's second factor",
    "integration.accountclaim": "ids and names of accounts",
    "integration.schemachange": "names of fields and options",
    "integration.vendorsunset": "names of a vendor's versions",
    "integration.erasedaddress": "a keyed hash, and what an owner wrote after the erasure",
}
ELSE_COLUMNS = {
    "integration.connection": {"base_url", "credentials", "credentials_hint", "external_account_id", "account_name",
                               "account_details", "consent_user_id", "vendor"},
    "integration.integration": {"settings", "resources"},  # what the tenant chose, and what was made for it
    "integration.fieldmapping": {"source", "target", "transform", "options", "default"},  # the same
    "tenants.session": {"network", "device"},  # of users
    "axes.accessattempt": {"user_agent", "ip_address", "http_accept", "path_info"},  # of whoever guessed
    "axes.accessfailurelog": {"user_agent", "ip_address", "http_accept", "path_info"},
}  # fmt: skip


def personal_columns() -> dict[str, set[str]]:
    """Table → columns, of all tables of all apps."""
    found: dict[str, set[str]] = {}
    for model in apps.get_models():
        label = model._meta.label_lower
        columns = {
            field.name
            for field in model._meta.concrete_fields
            if not isinstance(field, HARMLESS_FIELDS) and not field.choices
        }
        columns -= IDS_AND_CODES | ELSE_COLUMNS.get(label, set())
        if columns and label not in ELSE:
            found[label] = columns
    return found
