"""Addresses of the hub: what vendors call (stage 1 of the walk) and the tenant's pages."""

from django.urls import include, path

from integration.portal.signin import SignIn
from integration.webhooks.health import healthz, livez, readyz
from integration.webhooks.metrics import metrics
from integration.webhooks.urls import urlpatterns as hooks

urlpatterns = [
    *hooks,
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("login/", SignIn.as_view(), name="login"),
    path("", include("integration.portal.urls")),
]
