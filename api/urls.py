"""The API's URL table: one module per surface, the shared routes, and an answer for every other path under it."""

from django.urls import include, path, re_path

from api.shared.views import no_such_route

urlpatterns = [
    path("", include("api.shared.urls")),
    path("v1/ledgers", include("api.ledger_runs.urls")),
    path("v1/", include("api.exceptions.urls")),
    path("v1/", include("api.streams.reconciling.urls")),
    path("v1/", include("api.rules.urls")),
    path("v1/", include("api.streams.urls")),
    re_path(r"^(?:v1|api)/", no_such_route, name="no-such-route"),
]
