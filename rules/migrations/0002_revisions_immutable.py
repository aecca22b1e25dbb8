"""A rule's revisions are what matches were made by: the database refuses to change one."""

from django.db import migrations

TRIGGER = """
CREATE FUNCTION tieout_refuse_revision_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a rule revision is immutable: save a new one' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rules_rulerevision_immutable BEFORE UPDATE OR DELETE ON rules_rulerevision
    FOR EACH ROW EXECUTE FUNCTION tieout_refuse_revision_change();
"""
DROP = """
DROP TRIGGER rules_rulerevision_immutable ON rules_rulerevision;
DROP FUNCTION tieout_refuse_revision_change();
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0001_initial")]
    operations = [migrations.RunSQL(TRIGGER, DROP)]
