"""What every answer carries: a strict content policy, and cookies that scripts and other sites can't reach."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from config.security import policy_for
from tests.architecture.source import ROOT


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health", "/admin/login/", "/api/docs/", "/no/such/page"])
def test_every_answer_carries_a_content_policy(client, path):
    policy = client.get(path).headers["Content-Security-Policy"]
    assert policy == policy_for(path)
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("path", ["/health", "/admin/", "/api/docs/", "/v1/ledgers"])
def test_no_page_runs_inline_scripts_or_loads_from_outside(path):
    policy = dict(part.split(" ", 1) for part in policy_for(path).split("; "))
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    allowed = {"'self'", "'none'", "'unsafe-eval'", "'unsafe-inline'", "data:"}
    assert {source for sources in policy.values() for source in sources.split()} <= allowed


def test_only_the_admin_compiles_scripts_from_text():
    assert "'unsafe-eval'" in policy_for("/admin/")
    assert "'unsafe-eval'" not in policy_for("/api/docs/") + policy_for("/") + policy_for("/administration")


@pytest.mark.django_db
def test_a_page_of_the_admin_has_no_inline_script(client):
    page = client.get("/admin/login/").content.decode()
    for tag in page.split("<script")[1:]:
        attributes = tag.split(">")[0]
        assert "src=" in attributes or "application/json" in attributes, "the policy would block it"


def settings_under(**env: str) -> dict[str, str]:
    """Some settings as a process with this environment sees them."""
    names = [
        "DEBUG",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
    ]
    code = f"from config import settings as s; print(*(getattr(s, n) for n in {names}))"
    clean = {key: value for key, value in os.environ.items() if key not in {"DEBUG", "TIEOUT_HTTPS"}}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(zip(names, done.stdout.split(), strict=True))


def test_without_a_word_cookies_and_transport_are_strict():
    assert settings_under() == {
        "DEBUG": "False",
        "SESSION_COOKIE_SECURE": "True",
        "CSRF_COOKIE_SECURE": "True",
        "SECURE_SSL_REDIRECT": "True",
        "SECURE_HSTS_SECONDS": "31536000",
    }


def test_debug_speaks_plain_http():
    assert settings_under(DEBUG="True")["SESSION_COOKIE_SECURE"] == "False"
    assert settings_under(DEBUG="True", TIEOUT_HTTPS="True")["SESSION_COOKIE_SECURE"] == "True"


def test_cookies_are_out_of_reach_for_scripts_and_other_sites():
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.CSRF_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.X_FRAME_OPTIONS == "DENY"
