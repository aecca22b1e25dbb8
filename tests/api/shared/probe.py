"""A URL table with views that fail in every way, to see what callers get."""

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from api.shared.authentication import actor_of, organization_of
from api.shared.fields import Body, MinorUnits, read_body
from api.shared.idempotency import act
from api.shared.uploads import UploadView
from api.shared.views import PublicView, SurfaceView
from organizations import refusals
from organizations.models import Organization

RAISED = {
    "not_found": refusals.NotFound("No such run.", code="run.not_found", word="run_not_found"),
    "invalid": refusals.Invalid("Bad day.", code="day.bad", issues=[{"path": ["day"], "message": "Bad."}]),
    "conflict": refusals.Conflict("Taken.", code="match.token_taken", details={"by": "user:anna"}),
    "unreadable": refusals.Unreadable("Bad file.", details={"rows": [{"line": 1}]}),
    "forbidden": refusals.Forbidden("No."),
    "too_large": refusals.TooLarge("Too big."),
    "refusal": refusals.Refusal("No."),
    "django_404": Http404(),
    "django_403": PermissionDenied(),
    "django_413": RequestDataTooBig(),
    "suspicious": SuspiciousOperation(),
    "throttled": exceptions.Throttled(wait=7),
    "validation": exceptions.ValidationError({"rows": [{}, {"amount": ["Bad.", "Worse."]}]}),
    "database": OperationalError("connection refused"),
    "bug": ZeroDivisionError("secret detail"),
}


class Failing(PublicView):
    surface = "ledger_runs"

    def get(self, request, name):
        raise RAISED[name]


class StreamFailing(Failing):
    surface = "streams"


class CaseFailing(Failing):
    surface = "cases"


class SettlementFailing(Failing):
    surface = "settlements"


class WhoAmI(SurfaceView):
    surface = "ledger_runs"
    scopes = {"GET": "ledgers:read", "POST": "ledgers:post", "DELETE": "rules:write"}

    def get(self, request):
        actor = actor_of(request)
        return Response({"actor": actor.ref, "organization": str(organization_of(request).uuid)})

    def post(self, request):
        body = read_body(RenameBody, request.data)

        def rename():
            Organization.objects.filter(pk=organization_of(request).pk).update(name=body["name"])
            if body["name"] == "refuse":
                raise refusals.Conflict("No.")
            return body["name"]

        return act(request, rename, status=201, render=lambda name: {"name": name})

    def delete(self, request):
        return act(request, lambda: None, status=204, render=lambda _nothing: None)

    def put(self, request):
        return Response()  # names no scope: closed to everybody


class RenameBody(Body):
    name = serializers.CharField()
    amount = MinorUnits(required=False)
    tags = serializers.JSONField(required=False)


class Uploading(UploadView):
    surface = "ledger_runs"
    scopes = {"POST": "imports:write"}
    throttle_scope = "uploads"

    def post(self, request):
        file = request.data["file"]
        return act(request, lambda: None, render=lambda _: {"sha256": file.sha256, "size": file.size})


urlpatterns = [
    path("v1/ledgers/fail/<str:name>", Failing.as_view()),
    path("v1/streams/fail/<str:name>", StreamFailing.as_view()),
    path("v1/cases/fail/<str:name>", CaseFailing.as_view()),
    path("v1/settlements/fail/<str:name>", SettlementFailing.as_view()),
    path("v1/who", WhoAmI.as_view()),
    path("v1/upload", Uploading.as_view()),
    path("", include("api.urls")),
]
handler400 = "api.shared.errors.bad_request"
handler403 = "api.shared.errors.permission_denied"
handler404 = "api.shared.errors.page_not_found"
handler500 = "api.shared.errors.server_error"
