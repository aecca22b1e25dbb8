"""The days of statements that came before they were kept: as stated, else as their lines show."""

from django.db import migrations

# As ParsedStatement.begins_on and ends_on work them out. Safe to run again: rows with days are not touched.
FILL = """
WITH days AS (
    SELECT l.statement_id, min(r.date) AS first_on, max(r.date) AS last_on
    FROM ledgers_statementline l JOIN ledgers_record r ON r.id = l.record_id
    GROUP BY l.statement_id
), known AS (
    SELECT s.id, coalesce(s.from_date, greatest(d.first_on, s.opening_on), s.closing_on, s.to_date) AS begins,
        coalesce(s.closing_on, s.to_date, d.last_on, s.from_date, s.opening_on) AS ends
    FROM ledgers_statement s LEFT JOIN days d ON d.statement_id = s.id
    WHERE s.ends_on IS NULL
)
UPDATE ledgers_statement s SET begins_on = least(known.begins, known.ends), ends_on = known.ends
FROM known WHERE known.id = s.id AND known.ends IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0004_statement_proof")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
