"""Routes that belong to no surface: health, the OpenAPI document and its pages."""

from django.urls import path

from api.shared.docs import Redoc, Schema, Swagger, redoc_script
from api.shared.health import Health, Ready, Status

urlpatterns = [
    path("health", Health.as_view(), name="health"),
    path("ready", Ready.as_view(), name="ready"),
    path("status", Status.as_view(), name="status"),
    path("api/schema/", Schema.as_view(), name="schema"),
    path("api/docs/", Swagger.as_view(), name="docs"),
    path("api/docs/redoc/", Redoc.as_view(), name="redoc"),
    path("api/docs/redoc/redoc.js", redoc_script, name="redoc-script"),
]
