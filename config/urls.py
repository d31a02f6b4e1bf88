"""Root addresses: the operator console, then the hub's own."""

from django.contrib import admin
from django.urls import include, path

from integration.admin.find import find

urlpatterns = [
    path("admin/find/", admin.site.admin_view(find), name="console-find"),
    path("admin/", admin.site.urls),
    path("", include("integration.urls")),
]
