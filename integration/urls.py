"""Addresses of the hub: what vendors call (stage 1 of the walk) and the tenant's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from integration.portal.signin import SignIn
from integration.webhooks.health import healthz, livez, readyz
from integration.webhooks.metrics import metrics
from integration.webhooks.views import AppWebhookView, WebhookView

urlpatterns = [
    path("hooks/<slug:vendor>/", AppWebhookView.as_view(), name="app_webhook"),
    path("hooks/<slug:vendor>/<slug:token>/", WebhookView.as_view(), name="webhook"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("", include("integration.portal.urls")),
]
