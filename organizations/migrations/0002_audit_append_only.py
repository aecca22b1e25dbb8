"""Triggers that make the audit trail append-only: rows of events and seals are inserted, and nothing else.

TRUNCATE passes only in a session that says `tieout.allow_truncate = on`, as the test settings do (their databases are
emptied between tests). That stops accidents; against malice the application's role must not own the tables, and the
chain of seals shows what was done. See docs/adr/.
"""

from django.db import migrations

GUARDED = ["organizations_auditevent", "organizations_auditseal"]

FUNCTIONS = """
CREATE FUNCTION tieout_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION tieout_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('tieout.allow_truncate', true), '') <> 'on' THEN
        RAISE EXCEPTION 'the audit trail is append-only: TRUNCATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
"""
DROP_FUNCTIONS = "DROP FUNCTION tieout_refuse_change(); DROP FUNCTION tieout_refuse_truncate();"


def guard(table: str) -> migrations.RunSQL:
    # A statement trigger: it fires, and refuses, also where no row would be touched.
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tieout_refuse_change();
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tieout_refuse_truncate();
        """,
        f"DROP TRIGGER {table}_append_only ON {table}; DROP TRIGGER {table}_no_truncate ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS), *map(guard, GUARDED)]
