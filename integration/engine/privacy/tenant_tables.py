"""Which tables belong to a tenant, and by which way a row leads to it. Found in the models, so that none is missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.models import ForeignKey, Model, QuerySet

from tenants.models import Tenant

OURS = ("integration", "tenants")


@dataclass(frozen=True)
class TenantTable:
    """A table, and the look-up that leads from a row to its tenant: "integration__tenant"."""

    model: type[Model]
    path: str

    def rows(self, tenant: Tenant) -> QuerySet[Model]:
        """The tenant's rows."""
        return self.model._default_manager.filter(**{self.path: tenant.pk})


def tenant_tables() -> list[TenantTable]:
    """Every table with rows of a tenant, in an order in which they can be deleted: what refers to others first."""
    found: dict[type[Model], str] = {Tenant: ""}
    models = [model for model in apps.get_models() if model._meta.app_label in OURS and model is not Tenant]
    while new := {model: path for model in models if model not in found and (path := _path(model, found))}:
        found.update(new)
    ordered = sorted(found.items(), key=lambda entry: (-entry[1].count("__"), not _refers(entry[0], found)))
    return [TenantTable(model, path) for model, path in ordered if path]


def _path(model: type[Model], known: dict[type[Model], str]) -> str:
    """The shortest way by one more foreign key that must be set; empty where there is none yet."""
    paths = [
        f"{key.name}__{known[key.related_model]}" if known[key.related_model] else key.name
        for key in _keys(model)
        if key.related_model in known
    ]
    return min(paths, key=lambda path: path.count("__"), default="")


def _keys(model: type[Model]) -> Iterator[ForeignKey[Model, Model]]:
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and (not field.null or field.related_model is Tenant):
            yield field


def _refers(model: type[Model], known: dict[type[Model], str]) -> bool:
    """Whether it refers to another table that belongs to a tenant, beside the tenant itself."""
    return any(key.related_model in known and key.related_model is not Tenant for key in _keys(model))
