"""Everything of a tenant as a download."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from integration.engine.flow.recipe import Recipes
from integration.engine.privacy import tenant_export
from tenants.models import Tenant


def download(tenant: Tenant, recipes: Recipes) -> StreamingHttpResponse:
    """Everything the hub holds for the tenant, as a ZIP archive."""
    answer = StreamingHttpResponse(tenant_export.archive(tenant, recipes), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="lockstep-{slugify(tenant.name) or "export"}.zip"'
    return answer
