"""Import batches of the files that were imported before there were any."""

from typing import Any

from django.db import migrations

MAKE = """
INSERT INTO ledgers_importbatch (stream_id, source_file_id, source, filename, record_count, currency, decimal_places,
    total_credits, total_debits, by_currency, date_range_start, date_range_end, first_record, last_record, created_at,
    created_by, voided_by)
SELECT c.stream_id, c.source_file_id, 'csv_upload', f.filename, sum(records), (array_agg(c.currency ORDER BY records DESC))[1],
    (array_agg(c.decimal_places ORDER BY records DESC))[1], least((array_agg(credits ORDER BY records DESC))[1], 9223372036854775807),
    least((array_agg(debits ORDER BY records DESC))[1], 9223372036854775807),
    jsonb_agg(jsonb_build_object('currency', c.currency, 'decimal_places', c.decimal_places, 'record_count', records,
        'total_credits', credits, 'total_debits', debits) ORDER BY records DESC, c.currency),
    min(since), max(until), min(first), max(last), min(f.created_at), min(f.created_by), ''
FROM (
    SELECT r.stream_id, r.source_file_id, r.currency, min(r.decimal_places) AS decimal_places, count(*) AS records,
        coalesce(sum(r.amount) FILTER (WHERE r.direction = 'credit'), 0) AS credits,
        coalesce(sum(r.amount) FILTER (WHERE r.direction = 'debit'), 0) AS debits,
        min(r.date) AS since, max(r.date) AS until, min(r.id) AS first, max(r.id) AS last
    FROM ledgers_record r
    WHERE r.source_file_id IS NOT NULL AND r.import_batch_id IS NULL AND r.kind = 'entry' AND r.voided_at IS NULL
    GROUP BY r.stream_id, r.source_file_id, r.currency
) AS c JOIN ledgers_sourcefile f ON f.id = c.source_file_id
WHERE f.voided_at IS NULL
GROUP BY c.stream_id, c.source_file_id, f.filename
ON CONFLICT DO NOTHING
"""
NAME = """
UPDATE ledgers_record r SET import_batch_id = b.id FROM ledgers_importbatch b
WHERE b.stream_id = r.stream_id AND b.source_file_id = r.source_file_id AND r.import_batch_id IS NULL
    AND r.kind = 'entry' AND r.voided_at IS NULL
"""


def batches_of_files(apps: Any, schema_editor: Any) -> None:
    """Safe to run again: records that name a batch are left alone. Of a file that was voided there is nothing to show."""
    schema_editor.execute(MAKE)
    schema_editor.execute(NAME)


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0011_stream_files")]
    operations = [migrations.RunPython(batches_of_files, migrations.RunPython.noop)]
