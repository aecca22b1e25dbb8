"""x"""
import pytest, time, cProfile, pstats, glob
from django.core.management import call_command
import io
from organizations.models import Organization
pytestmark = pytest.mark.django_db(transaction=True)
def test_x():
    out=io.StringIO()
    fs=sorted(glob.glob("/work/shared/samples/camt/*/*.xml"))+sorted(glob.glob("/work/shared/samples/camt/*/*/*.xml"))
    print(len(fs))
    try:
        call_command("demo", "--wait", "0", "--import", *fs[:40],"/work/shared/samples/README.md", stdout=out)
    except Exception as e: print(repr(e))
    print(out.getvalue()[4000:])
