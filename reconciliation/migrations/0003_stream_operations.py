"""Operations on whole streams: wiring, taking out, resetting."""

import django.db.models.deletion
from django.db import migrations, models

import organizations.ids


class Migration(migrations.Migration):
    dependencies = [
        ("ledgers", "0002_id_blocks"),
        ("reconciliation", "0002_id_blocks"),
        ("rules", "0002_revisions_immutable"),
    ]

    operations = [
        migrations.CreateModel(
            name="StreamOperation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=organizations.ids.uuid7, editable=False, unique=True)),
                (
                    "stream_key",
                    models.CharField(help_text="Kept when the stream is deleted.", max_length=128),
                ),
                (
                    "side",
                    models.CharField(
                        blank=True, choices=[("a", "Side A"), ("b", "Side B")], default="", max_length=1
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("wire", "Put into a reconciliation"),
                            ("unwire", "Take out of a reconciliation"),
                            ("reset", "Empty"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("undo_matches", models.BooleanField(default=False)),
                ("watermark", models.BigIntegerField(default=0)),
                ("done_to", models.BigIntegerField(default=0)),
                (
                    "total",
                    models.BigIntegerField(
                        default=0, help_text="Records up to the watermark when it was asked for."
                    ),
                ),
                ("processed", models.BigIntegerField(default=0)),
                ("undone", models.BigIntegerField(default=0, help_text="Matches that it undid.")),
                ("error", models.TextField(blank=True, default="")),
                ("requested_at", models.DateTimeField()),
                ("requested_by", models.CharField(max_length=100)),
                ("started_at", models.DateTimeField(null=True)),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "reconciliation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="operations",
                        to="rules.reconciliation",
                    ),
                ),
                (
                    "stream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="operations",
                        to="ledgers.datastream",
                    ),
                ),
            ],
            options={
                "ordering": ["-requested_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed"])),
                        name="streamoperation_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["wire", "unwire", "reset"])),
                        name="streamoperation_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True),
                                ("status__in", frozenset(["pending", "running"])),
                            ),
                            models.Q(
                                models.Q(("status__in", frozenset(["pending", "running"])), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="streamoperation_finished_at_iff_ended",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ["wire", "unwire"]),
                                ("reconciliation__isnull", False),
                                ("side__in", ["a", "b"]),
                            ),
                            models.Q(
                                ("kind", "reset"),
                                ("reconciliation__isnull", True),
                                ("side", ""),
                            ),
                            _connector="OR",
                        ),
                        name="streamoperation_reconciliation_iff_wiring",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "completed"), _negated=True),
                        fields=("stream",),
                        name="streamoperation_one_at_a_time",
                    ),
                ],
            },
        ),
    ]
