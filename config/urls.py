"""Root addresses: the operator console, then the hub's own."""

from django.contrib import admin
from django.urls import include, path

from integration.admin.lists import tenant
from integration.admin.pages import oidc, quality
from integration.admin.pages.find import find
from integration.admin.pages.own_sessions import own_sessions
from integration.admin.pages.record import ask
from integration.admin.pages.sign_in import sign_in, sign_out
from integration.admin.pages.two_factor import two_factor, verify

urlpatterns = [
    path("admin/find/", admin.site.admin_view(find), name="console-find"),
    path("admin/find/why/", admin.site.admin_view(ask), name="console-why"),
    path("admin/quality/", admin.site.admin_view(quality.overview), name="console-quality"),
    path("admin/quality/<slug:key>/", admin.site.admin_view(quality.answers), name="console-quality-of"),
    path("admin/verify/", admin.site.admin_view(verify), name="console-verify"),
    path("admin/two-factor/", admin.site.admin_view(two_factor), name="console-two-factor"),
    path("admin/view/end/", admin.site.admin_view(tenant.end_viewing), name="console-view-end"),
    path("admin/sessions/", admin.site.admin_view(own_sessions), name="console-sessions"),
    path("admin/login/", sign_in),
    path("admin/logout/", sign_out),
    path("logout/", sign_out, name="logout"),
    path("admin/oidc/", oidc.start, name="console-oidc"),
    path("admin/oidc/callback/", oidc.callback, name="console-oidc-callback"),
    path("admin/", admin.site.urls),
    path("", include("integration.urls")),
]
