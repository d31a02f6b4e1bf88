"""Addresses of the tenant's pages."""

from django.urls import path

from integration.portal import (
    audit_page,
    brakes_page,
    claims_page,
    connect,
    differences,
    fields_page,
    leaving,
    own_second_factor,
    people,
    records,
    report_page,
    running,
    settings_page,
    signin,
    team,
    views,
)

app_name = "portal"
_INTEGRATION = "t/<uuid:tenant_id>/i/<uuid:integration_id>/"
urlpatterns = [
    path("", views.home, name="home"),
    path("install/<slug:vendor>/", signin.install, name="install"),
    path("oauth/<slug:vendor>/callback/", signin.callback, name="oauth_callback"),
    path("verify/", own_second_factor.verify, name="verify"),
    path("second-factor/", own_second_factor.second_factor, name="second_factor"),
    path("claim/", claims_page.make, name="claim"),
    path("invite/<slug:token>/", team.invitation, name="invitation"),
    path("t/<uuid:tenant_id>/team/", team.members, name="team"),
    path("t/<uuid:tenant_id>/audit/", audit_page.entries, name="audit"),
    path("t/<uuid:tenant_id>/leave/", leaving.leave, name="leave"),
    path("t/<uuid:tenant_id>/", views.overview, name="overview"),
    path("t/<uuid:tenant_id>/connect/", connect.connect, name="connect"),
    path("t/<uuid:tenant_id>/people/", people.people, name="people"),
    path(_INTEGRATION, views.integration_overview, name="integration"),
    path(f"{_INTEGRATION}settings/", settings_page.settings, name="settings"),
    path(f"{_INTEGRATION}settings/opt-in-trial/", settings_page.opt_in_trial, name="opt_in_trial"),
    path(f"{_INTEGRATION}settings/summary/", settings_page.summary, name="summary"),
    path(f"{_INTEGRATION}fields/", fields_page.fields, name="fields"),
    path(f"{_INTEGRATION}fields/sample/", fields_page.sample, name="sample"),
    path(f"{_INTEGRATION}account/", settings_page.account, name="account"),
    path(f"{_INTEGRATION}stop/", settings_page.stop, name="stop"),
    path(f"{_INTEGRATION}activity/", views.activity, name="activity"),
    path(f"{_INTEGRATION}waiting/", views.waiting, name="waiting"),
    path(f"{_INTEGRATION}brakes/", brakes_page.held, name="brakes"),
    path(f"{_INTEGRATION}record/", records.sync_one, name="record"),
    path(f"{_INTEGRATION}fetch-all/", running.fetch_all, name="fetch_all"),
    path(f"{_INTEGRATION}runs/", views.runs, name="runs"),
    path(f"{_INTEGRATION}differences/", differences.differences, name="drift"),
    path(f"{_INTEGRATION}report/", report_page.report, name="report"),
    path(f"{_INTEGRATION}runs/<int:run_id>/", views.run, name="run"),
    path(f"{_INTEGRATION}runs/<int:run_id>/cancel/", running.cancel, name="cancel"),
    path(f"{_INTEGRATION}runs/<int:run_id>/continue/", running.resume, name="continue"),
]
