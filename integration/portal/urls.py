"""Addresses of the tenant's pages."""

from django.urls import path

from integration.portal import signin, team, views

app_name = "portal"
_INTEGRATION = "t/<uuid:tenant_id>/i/<uuid:integration_id>/"
urlpatterns = [
    path("", views.home, name="home"),
    path("install/<slug:vendor>/", signin.install, name="install"),
    path("oauth/<slug:vendor>/callback/", signin.callback, name="oauth_callback"),
    path("invite/<str:token>/", team.invitation, name="invitation"),
    path("t/<uuid:tenant_id>/team/", team.members, name="team"),
    path("t/<uuid:tenant_id>/", views.overview, name="overview"),
    path(_INTEGRATION, views.integration_overview, name="integration"),
    path(f"{_INTEGRATION}activity/", views.activity, name="activity"),
    path(f"{_INTEGRATION}runs/", views.runs, name="runs"),
    path(f"{_INTEGRATION}runs/<int:run_id>/", views.run, name="run"),
]
