"""The Content-Security-Policy header: strict everywhere, loosened for the pages of the console's theme only."""

from __future__ import annotations

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse


class ContentSecurityPolicy(CSPMiddleware):
    """Everything comes from this host, and no page runs a script that stands in it."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Add what the console's theme needs. Errors, redirects and downloads below its root need nothing."""
        parts: PolicyParts = super().get_policy_parts(request, response, report_only)
        themed = isinstance(response, TemplateResponse) and request.path_info.startswith(reverse("admin:index"))
        if themed and not report_only:
            parts.update = {**settings.CONSOLE_CSP, **(parts.update or {})}
        return parts
