"""The URL table: the API's own table at the root, Django admin under /admin/."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("api.urls")),
]

# Under the API's paths these answer with its error body, elsewhere as Django does.
handler400 = "api.shared.errors.bad_request"
handler403 = "api.shared.errors.permission_denied"
handler404 = "api.shared.errors.page_not_found"
handler500 = "api.shared.errors.server_error"
