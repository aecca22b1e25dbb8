"""Triggers that make the audit trail append-only: rows of events and seals are inserted, and nothing else.

They hold for every role but one that may switch triggers off (`session_replication_role = replica`: superusers, as the
test run is, which empties tables so). Against those, the chain of seals and heads kept elsewhere show what was done.
"""

from django.db import migrations

GUARDED = ["organizations_auditevent", "organizations_auditseal"]

FUNCTION = """
CREATE FUNCTION tieout_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def guard(table: str) -> migrations.RunSQL:
    # A statement trigger: it fires, and refuses, also where no row would be touched.
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tieout_refuse_change();
        """,
        f"DROP TRIGGER {table}_append_only ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION tieout_refuse_change();"),
        *map(guard, GUARDED),
    ]
