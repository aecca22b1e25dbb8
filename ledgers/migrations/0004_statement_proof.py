"""What the proof of a bank account needs: the days of a statement, running balances of its lines, the account's calendar."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledgers", "0003_details"),
        ("organizations", "0002_audit_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="calendar",
            field=models.ForeignKey(
                blank=True,
                help_text="Its business days are those on which the bank writes statements.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.calendar",
            ),
        ),
        migrations.AddField(
            model_name="statement",
            name="begins_on",
            field=models.DateField(help_text="Its first day: as stated, else as its lines show.", null=True),
        ),
        migrations.AddField(
            model_name="statement",
            name="ends_on",
            field=models.DateField(help_text="Its last day: as stated, else as its lines show.", null=True),
        ),
        migrations.AddField(
            model_name="statement",
            name="running_order",
            field=models.CharField(
                choices=[
                    ("unstated", "No running balances"),
                    ("oldest", "Oldest line first"),
                    ("newest", "Newest line first"),
                    ("unclear", "In no order of the lines"),
                ],
                default="unstated",
                help_text="In which order of its lines their running balances run.",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="statementline",
            name="balance",
            field=models.BigIntegerField(
                help_text="The account's balance behind this line, as the file states it; minor units.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="statement",
            index=models.Index(fields=["stream", "ends_on"], name="statement_by_end"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(
                condition=models.Q(("running_order__in", ["unstated", "oldest", "newest", "unclear"])),
                name="statement_running_order_known",
            ),
        ),
    ]
