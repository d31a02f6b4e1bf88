"""The console's roles as groups with permissions: Support looks, Operator works, Administrator lets people in.

Made and kept by `manage.py setup`. For anything else make a group of your own.
"""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

ROLES = ("Support", "Operator", "Administrator")
# The rows operators may change; everything else of the engine's is written by the engine alone.
WORKED_ON = (
    "connection", "integration", "fieldmapping", "webhookevent", "syncjob", "syncrun", "synclog", "recordlink",
    "drift", "tenant", "member", "accountclaim",
)  # fmt: skip
ADDED = ("connection", "integration", "fieldmapping", "tenant", "member")
APPS = ("integration", "tenants")
SIGN_IN = Q(codename__endswith="_authenticatorapp")  # who has set up what to sign in is the Administrator's to know
OF_SUPPORT = Q(content_type__app_label__in=APPS, codename__startswith="view_") & ~SIGN_IN
OF_THE_SYSTEM = Q(content_type__app_label__in=("django_q", "admin"), codename__startswith="view_")


def ensure_roles() -> int:
    """Create the three groups or bring their permissions up to date. Returns how many there are."""
    work = Q(codename__in=[f"change_{name}" for name in WORKED_ON] + [f"add_{name}" for name in ADDED])
    extra = Q(codename__in=["see_personal_data", "view_as_tenant", "delete_fieldmapping", "delete_connection"])
    operator = OF_SUPPORT | OF_THE_SYSTEM | (Q(content_type__app_label__in=APPS) & (work | extra))
    access = Q(content_type__app_label="auth", content_type__model__in=("user", "group"))
    access |= Q(content_type__app_label__in=("axes", "django_otp")) | SIGN_IN
    roles = {"Support": OF_SUPPORT, "Operator": operator, "Administrator": operator | access}
    for name, permissions in roles.items():
        Group.objects.get_or_create(name=name)[0].permissions.set(Permission.objects.filter(permissions))
    return len(roles)
