"""Whether the service lives (`/health`), can take requests (`/ready`), and how its parts are (`/status`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.authentication import organization_of
from api.shared.fields import InstantField
from api.shared.schema import operation, with_example
from api.shared.views import PublicView, SurfaceView
from organizations import audit
from organizations.models import AuditUnsealed, Heartbeat
from reconciliation.models import Pass

BEAT_EVERY = timedelta(seconds=30)
SILENT_AFTER = 3 * BEAT_EVERY
AUDIT_LAG_MAX = timedelta(minutes=10)
PENDING_MAX = timedelta(minutes=10)
BROKER_TIMEOUT_SECONDS = 1


@with_example({"status": "ok"})
class HealthShape(serializers.Serializer[Any]):
    status = serializers.CharField()

    class Meta:
        ref_name = "Health"


@with_example({"status": "ok", "database": "ok", "migrations": "ok"})
class ReadyShape(serializers.Serializer[Any]):
    status = serializers.CharField()
    database = serializers.CharField()
    migrations = serializers.CharField()

    class Meta:
        ref_name = "Ready"


class Health(PublicView):
    @operation("health", "Whether the process lives", answers={200: HealthShape})
    def get(self, request: Request) -> Response:
        """Answers as long as the web process does; looks at nothing else."""
        return Response({"status": "ok"})


class Ready(PublicView):
    @operation("ready", "Whether requests can be taken", answers={200: ReadyShape, 503: ReadyShape})
    def get(self, request: Request) -> Response:
        """Whether the database answers and has all migrations; 503 while not."""
        database, migrations = _database_state()
        ready = database == migrations == "ok"
        body = {"status": "ok" if ready else "unavailable", "database": database, "migrations": migrations}
        return Response(body, status=200 if ready else 503)


def _database_state() -> tuple[str, str]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unavailable", "unknown"
    return "ok", f"{len(waiting)} waiting" if waiting else "ok"


# --- /status -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service: ok or degraded, what was measured, and what to do about it."""

    name: str
    ok: bool
    detail: str
    at: datetime | None = None

    @property
    def status(self) -> str:
        return "ok" if self.ok else "degraded"


class PartShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    status = serializers.CharField()
    detail = serializers.CharField()
    at = InstantField(allow_null=True)

    class Meta:
        ref_name = "StatusPart"


@with_example(
    {
        "status": "degraded",
        "parts": [
            {"name": "broker", "status": "ok", "detail": "answers", "at": None},
            {
                "name": "worker",
                "status": "degraded",
                "detail": "silent since 2026-03-31T08:55:00Z: start one with `celery -A config worker`",
                "at": "2026-03-31T08:55:00Z",
            },
        ],
    }
)
class StatusShape(serializers.Serializer[Any]):
    status = serializers.CharField()
    parts = PartShape(many=True)

    class Meta:
        ref_name = "Status"


class Status(SurfaceView):
    surface = "service"
    scopes = {"GET": "audit:read"}

    @operation("status", "How the parts of the service are", answers={200: StatusShape})
    def get(self, request: Request) -> Response:
        """Broker, worker, beat, stuck jobs and audit lag. `degraded` is a word here, not a 503."""
        parts = status_parts(organization_of(request).pk, at=self.at)
        status = "ok" if all(part.ok for part in parts) else "degraded"
        return Response({"status": status, "parts": PartShape(parts, many=True).data})


def status_parts(organization_id: int, *, at: datetime) -> list[Part]:
    """What the page and the dashboard show; stuck jobs and audit lag are those of the organization."""
    beats = {beat.name: beat.at for beat in Heartbeat.objects.filter(name__in=["worker", "beat"])}
    return [
        _broker(),
        _alive("worker", beats.get("worker"), "celery -A config worker", at),
        _alive("beat", beats.get("beat"), "celery -A config beat", at),
        _stuck_jobs(organization_id, at),
        _audit_lag(organization_id, at),
    ]


def _broker(connect: Callable[[], Any] = current_app.connection_for_write) -> Part:
    try:
        with connect() as broker:
            options = {
                "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
                "socket_timeout": BROKER_TIMEOUT_SECONDS,
            }
            broker.transport_options = {**broker.transport_options, **options}
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001 - each broker library has errors of its own, and all mean the same here
        return Part(
            "broker", False, f"does not answer ({type(error).__name__}): check BROKER_URL and the broker"
        )
    return Part("broker", True, "answers")


def _alive(name: str, seen: datetime | None, command: str, at: datetime) -> Part:
    if seen is None:
        return Part(name, False, f"never seen: start one with `{command}`")
    if at - seen > SILENT_AFTER:
        return Part(name, False, f"silent for {_minutes(at - seen)}: start one with `{command}`", seen)
    return Part(name, True, "alive", seen)


def _stuck_jobs(organization_id: int, at: datetime) -> Part:
    """Passes whose worker went silent or that no worker took."""
    passes = Pass.objects.under_way().filter(reconciliation__organization_id=organization_id)
    lost = timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    stuck = [
        each
        for each in passes
        if at - (each.heartbeat_at or each.requested_at) > (lost if each.heartbeat_at else PENDING_MAX)
    ]
    if not stuck:
        return Part("jobs", True, "none stuck")
    oldest = min(each.heartbeat_at or each.requested_at for each in stuck)
    return Part("jobs", False, f"{len(stuck)} passes without a sign of life: see that a worker runs", oldest)


def _audit_lag(organization_id: int, at: datetime) -> Part:
    waiting = audit.waiting_count(organization_id)
    oldest = AuditUnsealed.objects.filter(organization_id=organization_id).order_by("event_id").first()
    since = oldest.event.at if oldest else None
    if since is None or at - since <= AUDIT_LAG_MAX:
        return Part("audit", True, f"{waiting} events wait for their seal", since)
    return Part(
        "audit", False, f"{waiting} events wait for their seal, the oldest for {_minutes(at - since)}", since
    )


def _minutes(span: timedelta) -> str:
    return f"{int(span.total_seconds() // 60)} minutes"
