"""Identity columns of the high-volume tables step by 1,000: each `nextval` owns a block (docs/adr/0004)."""

from django.db import migrations

TABLES = ["ledgers_journal", "ledgers_record", "ledgers_statementline"]


def blocks(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ALTER COLUMN id SET INCREMENT BY 1000",
        f"ALTER TABLE {table} ALTER COLUMN id SET INCREMENT BY 1",
    )


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0001_initial")]
    operations = [*map(blocks, TABLES)]
