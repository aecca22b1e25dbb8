"""A profile's version is one declaration, which never changes; ledgers and streams name the version that they use."""

import django.db.models.deletion
from django.db import migrations, models

FIX = """
CREATE FUNCTION ledgers_importprofile_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of an import profile never changes: add a version' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER importprofile_fixed BEFORE UPDATE ON ledgers_importprofile FOR EACH ROW
WHEN ((OLD.organization_id, OLD.name, OLD.target, OLD.version, OLD.declaration)
    IS DISTINCT FROM (NEW.organization_id, NEW.name, NEW.target, NEW.version, NEW.declaration))
EXECUTE FUNCTION ledgers_importprofile_fixed();
"""
UNFIX = (
    "DROP TRIGGER importprofile_fixed ON ledgers_importprofile; DROP FUNCTION ledgers_importprofile_fixed();"
)


class Migration(migrations.Migration):
    dependencies = [
        ("ledgers", "0005_statement_days"),
        ("organizations", "0002_audit_append_only"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="importprofile",
            options={"ordering": ["name", "-version"]},
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="columns",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="date_format",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="decimal_mark",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="delimiter",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="encoding",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="footer_pattern",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="rows_to_skip",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="sign_convention",
        ),
        migrations.RemoveField(
            model_name="importprofile",
            name="value_maps",
        ),
        migrations.AddField(
            model_name="datastream",
            name="import_profile",
            field=models.ForeignKey(
                blank=True,
                help_text="How its files are read.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ledgers.importprofile",
            ),
        ),
        migrations.AddField(
            model_name="importprofile",
            name="declaration",
            field=models.JSONField(default=dict, help_text="As ledgers.formats.declaration_json reads it."),
        ),
        migrations.AddField(
            model_name="importprofile",
            name="replaced_at",
            field=models.DateTimeField(blank=True, help_text="When a newer version came.", null=True),
        ),
        migrations.AddField(
            model_name="importprofile",
            name="retired_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="importprofile",
            name="retired_by",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="ledger",
            name="import_profile",
            field=models.ForeignKey(
                blank=True,
                help_text="How its CSV statements are read, where they are not in our own layout.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ledgers.importprofile",
            ),
        ),
        migrations.AlterField(
            model_name="sourcefile",
            name="profile",
            field=models.ForeignKey(
                blank=True,
                help_text="The version of the profile that it was, or is to be, read with.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ledgers.importprofile",
            ),
        ),
        migrations.AddConstraint(
            model_name="importprofile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at__isnull", True)),
                fields=("organization", "name"),
                name="importprofile_one_newest",
            ),
        ),
        migrations.AddConstraint(
            model_name="importprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("declaration__has_key", "columns")), name="importprofile_declares_columns"
            ),
        ),
        migrations.RunSQL(FIX, UNFIX),
    ]
