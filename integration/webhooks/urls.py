"""What vendors call (stage 1 of the walk), alone: their calls are matched against these addresses only."""

from django.urls import path

from integration.webhooks.views import AppWebhookView, WebhookView

urlpatterns = [
    path("hooks/<slug:vendor>/<slug:token>/", WebhookView.as_view(), name="webhook"),
    path("hooks/<slug:vendor>/", AppWebhookView.as_view(), name="app_webhook"),
]
