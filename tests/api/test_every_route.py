"""Walks the URL table: every view names the scope of each method, or is one of the few that anyone may call."""

import json
from re import sub

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from api.shared.permissions import HasScope
from api.shared.problems import SURFACES
from organizations.scopes import ALL_SCOPES
from tests.api.callers import client_with_key
from tests.factories.organizations import ApiKeyFactory

PUBLIC = {"health", "ready", "schema", "docs", "redoc", "redoc-script", "no-such-route"}
"""Liveness and readiness for load balancers, the API's description, and the answer for paths without operation."""


def routes(resolver: URLResolver, prefix: str = ""):
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        elif not path.startswith("admin/"):
            yield from routes(entry, path)


ROUTES = list(routes(get_resolver()))
GUARDED = [(path, entry) for path, entry in ROUTES if entry.name not in PUBLIC]


def test_the_public_routes_are_exactly_these():
    public = {
        entry.name
        for _path, entry in ROUTES
        if HasScope not in getattr(getattr(entry.callback, "cls", None), "permission_classes", [])
    }
    assert public == PUBLIC


@pytest.mark.parametrize(("path", "entry"), GUARDED, ids=[path for path, _entry in GUARDED])
def test_every_method_names_a_scope_that_exists(path, entry):
    view = entry.callback.cls
    methods = {name.upper() for name in view.http_method_names if hasattr(view, name)} - {"HEAD", "OPTIONS"}
    assert methods == set(view.scopes)
    assert set(view.scopes.values()) <= ALL_SCOPES
    assert view.surface in SURFACES


def concrete(path: str) -> str:
    return "/" + sub(r"<[^>]+>", "0195f0a1-7c3e-7d42-9a55-1f2e3d4c5b6a", path)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "entry"), GUARDED, ids=[path for path, _entry in GUARDED])
def test_nobody_gets_in_without_a_credential(path, entry):
    client = APIClient()
    for method in entry.callback.cls.scopes:
        assert client.generic(method, concrete(path)).status_code == 401


@pytest.mark.parametrize(("path", "entry"), GUARDED, ids=[path for path, _entry in GUARDED])
def test_a_key_without_the_scope_is_403_and_with_it_alone_gets_further(path, entry, organization):
    for method, scope in entry.callback.cls.scopes.items():
        without = client_with_key(
            ApiKeyFactory(organization=organization, scopes=sorted(ALL_SCOPES - {scope}))
        )
        refused = without.generic(method, concrete(path))
        assert (refused.status_code, refused.json()["details"]) == (403, {"scope": scope})
        alone = client_with_key(ApiKeyFactory(organization=organization, scopes=[scope]))
        assert alone.generic(method, concrete(path)).status_code not in (401, 403)


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    file = tmp_path_factory.mktemp("openapi") / "schema.json"
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file)
    )
    return json.loads(file.read_text())


def operations(document):
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield f"{method.upper()} {path}", one


def test_the_document_is_valid_and_has_every_route(document):
    assert (
        len(list(operations(document))) == sum(len(entry.callback.cls.scopes) for _path, entry in GUARDED) + 2
    )


def test_every_operation_is_tagged_by_surface(document):
    tags = {surface.tag for surface in SURFACES.values()}
    assert [name for name, one in operations(document) if not set(one["tags"]) <= tags] == []


def test_every_guarded_operation_lists_its_errors(document):
    for name, one in operations(document):
        if {} not in one["security"]:
            assert {"400", "401", "403"} <= set(one["responses"]), name
            problem = one["responses"]["401"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem"), name
            assert problem["examples"], name


SHOWN = {"application/json", "multipart/form-data"}


def test_every_operation_has_an_example(document):
    lacking = []
    for name, one in operations(document):
        answers = [answer for status, answer in one["responses"].items() if status.startswith("2")]
        contents = [answer.get("content", {}) for answer in answers] + [
            one.get("requestBody", {}).get("content", {})
        ]
        bodies = [body for content in contents for kind, body in content.items() if kind in SHOWN]
        lacking += [name for body in bodies if not body.get("examples")]
    assert lacking == []


def test_request_bodies_say_that_they_take_no_other_keys(document):
    shapes = document["components"]["schemas"]
    bodies = [shape for name, shape in shapes.items() if name.endswith("Body") and shape.get("properties")]
    assert len(bodies) > 10
    assert all(shape["additionalProperties"] is False for shape in bodies)


def test_the_document_states_the_limits(document):
    assert "uploads 60/min" in document["info"]["description"]


def test_the_document_has_the_ways_in(document):
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer", "Session"}


def test_redoc_fetches_no_logo_from_its_maker():
    script = APIClient().get("/api/docs/redoc/redoc.js").content
    assert b"cdn.redoc.ly" not in script
    assert len(script) > 500_000


@pytest.mark.parametrize("path", ["/api/docs/", "/api/docs/redoc/"])
def test_the_docs_pages_load_nothing_from_outside(path):
    response = APIClient().get(path)
    assert response.status_code == 200
    assert b"http://" not in response.content
    assert b"https://" not in response.content
    assert "'self'" in response.headers["Content-Security-Policy"]


def misnamed(document: dict, schema: dict, value: object, path: str) -> list[str]:
    """Keys that the example has and its schema doesn't know, or that it lacks."""
    while "$ref" in schema or "allOf" in schema:
        ref = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = document["components"]["schemas"][ref.rpartition("/")[2]]
    if isinstance(value, list):
        return [each for row in value for each in misnamed(document, schema.get("items", {}), row, path)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    wrong = [f"{path}.{key} is unknown" for key in value if key not in known]
    wrong += [f"{path}.{key} is missing" for key in schema.get("required", []) if key not in value]
    inner = [misnamed(document, known[key], value[key], f"{path}.{key}") for key in value if key in known]
    return wrong + [each for found in inner for each in found]


def test_examples_have_the_keys_of_their_schemas(document):
    wrong = []
    for name, one in operations(document):
        answers = [answer for status, answer in one["responses"].items() if status.startswith("2")]
        for content in [*answers, one.get("requestBody", {})]:
            for body in content.get("content", {}).values():
                for example in body.get("examples", {}).values():
                    wrong += misnamed(document, body["schema"], example["value"], name)
    assert wrong == []
