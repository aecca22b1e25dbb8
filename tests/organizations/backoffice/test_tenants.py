"""Walks every address of the back office: rows of another organization answer as rows that nobody has, also where an
address, a filter, an act or a form names them. `test_tenancy` beside it walks the pages that all models share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import unified_diff
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignKey, Model
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from exceptions_app.models import Finding
from ledgers.models import Ledger, Record, SourceFile
from organizations.backoffice.base import ScopedModelAdmin
from organizations.models import Membership, Organization
from reconciliation.models import Discrepancy, Match, Run
from rules.models import Reconciliation, Rule
from tests.clock import NOW
from tests.factories.exceptions_app import (
    FindingFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
)
from tests.fuzz.world import build, numbers_from
from tests.organizations.backoffice.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = {model: page for model, page in admin.site._registry.items() if isinstance(page, ScopedModelAdmin)}
UNKNOWN_NUMBER = 987_654_321
Rows = Callable[[Organization], Any]

PARAMETERS: dict[str, Rows] = {
    "run_id": lambda o: Run.objects.filter(organization=o),
    "file_id": lambda o: SourceFile.objects.filter(organization=o),
    "rule_id": lambda o: Rule.objects.filter(organization=o),
    "of": lambda o: Reconciliation.objects.filter(organization=o),
    "finding_id": lambda o: Finding.objects.filter(investigation__exception__reconciliation__organization=o),
}
"""Parameters of addresses that only some pages have. `object_id` is walked by `test_tenancy`."""
FIELDS: dict[str, Rows] = {
    "match": lambda o: Match.objects.filter(reconciliation__organization=o),
    "line": lambda o: Record.objects.filter(stream__organization=o, stream__kind="statement"),
    "entry": lambda o: Record.objects.filter(stream__organization=o, stream__kind="ledger"),
    "seen": lambda o: Record.objects.filter(stream__organization=o, stream__kind="statement"),
    "discrepancy": lambda o: Discrepancy.objects.filter(reconciliation__organization=o),
    "ledger": lambda o: Ledger.objects.filter(organization=o),
    "rule": lambda o: Rule.objects.filter(organization=o),
}
"""Fields of forms that name rows, by their uuid or, where they have none, their number."""
MAKE_SOMETHING = {"reconciliation_rulejob_test"}
"""Answer any form with a new row of our own; their forms name none."""
SAID_BESIDE = {"action": "accept", "do": "up", "reason": "manual_review", "sure": "1"}


OF_ITS_OWN = re.compile(r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken": ?)"[^"]*"')


@pytest.fixture
def ours(transactional_db) -> tuple[Client, Membership]:
    """An admin's browser, in an organization with rows like theirs."""
    return signed_in("admin", built())


@pytest.fixture
def theirs(ours) -> Iterator[Organization]:
    """Their numbers are as long as the unknown one, so that no other figure of a page is taken for one of them."""
    with numbers_from(500_000_000):
        yield built()


def built() -> Organization:
    organization = build(ledgers=1, shops=1).organization
    books = last(Reconciliation.objects.filter(organization=organization, kind="streams"))
    closed = {"status": "dismissed", "opened_at": None, "closed_at": NOW}
    looked = {"status": "completed", "outcome": "no_match", "finished_at": NOW}
    exception = ReconciliationExceptionFactory(reconciliation=books, stream=books.streams.first(), **closed)
    record = last(Record.objects.filter(stream=exception.stream))
    FindingFactory(investigation=InvestigationFactory(exception=exception, **looked), record=record)
    return organization


def last(rows: Any) -> Any:
    return rows.order_by("pk").last()


def told(answer: Any, *named: object) -> tuple[int, str, str, list[str]]:
    """What a browser is told, less what it said itself and what no two pages have alike."""
    raw = b"".join(answer.streaming_content) if answer.streaming else answer.content
    content = OF_ITS_OWN.sub("", raw.decode(errors="replace"))
    messages = [str(message) for message in getattr(answer.wsgi_request, "_messages", [])]
    texts = [answer.headers.get("Location", ""), content, *messages]
    for name in sorted(map(str, named), key=len, reverse=True):
        texts = [text.replace(name, "ID") for text in texts]
    return answer.status_code, texts[0], texts[1], texts[2:]


def apart(client: Client, ask: Callable[[object], Any], foreign: object, unknown: object) -> str:
    """What told them apart, "" where nothing did."""
    found = []
    for named in (foreign, unknown):
        client.cookies.pop("messages", None)  # what the request before has said
        found.append(told(ask(named), named))
    one, other = found
    lines = unified_diff(one[2].splitlines(), other[2].splitlines(), n=0, lineterm="")
    return "" if one == other else f"{one[:2]}{one[3]} is not {other[:2]}{other[3]} {list(lines)[:8]}"


# --- addresses ---------------------------------------------------------------------------------------------------------


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        else:
            yield from addresses(entry, path)


NAMED = [
    (path, entry.name)
    for path, entry in addresses(get_resolver())
    if path.startswith("admin/")
    and re.findall(r"<\w+:(\w+)>", path)
    and "object_id" not in path
    and entry.name
]
SHARED = ("export", "app_list")


def test_every_parameter_of_an_address_is_known_here():
    named = {name for path, entry in NAMED for name in re.findall(r"<\w+:(\w+)>", path)}
    assert named - PARAMETERS.keys() <= {"kind", "name"}, "which rows does it name? see PARAMETERS"


def test_in_addresses_a_foreign_id_is_as_an_unknown_one(theirs, ours):
    client, _membership = ours
    wrong = []
    for path, name in NAMED:
        [parameter] = re.findall(r"<\w+:(\w+)>", path)
        if parameter not in PARAMETERS:
            continue
        foreign = last(PARAMETERS[parameter](theirs)).pk
        for method in ("get", "post"):
            found = apart(
                client,
                lambda pk, name=name, method=method: getattr(client, method)(
                    reverse(f"admin:{name}", args=[pk])
                ),
                foreign,
                UNKNOWN_NUMBER,
            )
            wrong += [f"{method} {name}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)


def test_the_way_to_an_object_s_page_knows_no_foreign_one(theirs, ours):
    client, _membership = ours
    for model in PAGES:
        kind = ContentType.objects.get_for_model(model).pk
        row = model._default_manager.filter(**{PAGES[model].organization_path: theirs.pk}).last()
        if row is not None:
            found = apart(
                client,
                lambda pk, kind=kind: client.get(reverse("admin:view_on_site", args=[kind, pk])),
                row.pk,
                UNKNOWN_NUMBER,
            )
            assert not found, model


# --- forms, acts and filters ---------------------------------------------------------------------------------------------


def test_in_forms_a_foreign_id_is_as_an_unknown_one(theirs, ours):
    """Each field that names rows, sent to each page that has a form of its own, about our own rows."""
    client, membership = ours
    wrong = []
    for (path, name), (field, rows) in product(NAMED, FIELDS.items()):
        [parameter] = re.findall(r"<\w+:(\w+)>", path)
        if parameter not in PARAMETERS or name in MAKE_SOMETHING:
            continue
        address = reverse(f"admin:{name}", args=[last(PARAMETERS[parameter](membership.organization)).pk])
        row = last(rows(theirs))
        foreign, unknown = (
            (str(row.uuid), str(uuid4())) if hasattr(row, "uuid") else (str(row.pk), str(UNKNOWN_NUMBER))
        )
        found = apart(
            client,
            lambda pk, address=address, field=field: client.post(address, {**SAID_BESIDE, field: pk}),
            foreign,
            unknown,
        )
        wrong += [f"{name} {field}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_no_act_on_ticked_rows_reaches_foreign_ones(theirs, ours):
    client, membership = ours
    request = RequestFactory().get("/admin/")
    request.user, request.session = membership.user, client.session
    wrong, walked = [], 0
    for model, page in PAGES.items():
        row = model._default_manager.filter(**{page.organization_path: theirs.pk}).last()
        if row is None:
            continue
        for name in page.get_actions(request).keys() - {"export_xlsx"}:  # a file of bytes; see test_tenancy
            walked += 1
            found = apart(
                client,
                lambda pk, model=model, name=name: client.post(
                    list_of(model), {"action": name, "_selected_action": [str(pk)], "post": "yes"}
                ),
                row.pk,
                UNKNOWN_NUMBER,
            )
            wrong += [f"{model._meta.label} {name}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)
    assert walked > 20


def test_in_filters_a_foreign_id_is_as_an_unknown_one(theirs, ours):
    client, _membership = ours
    wrong, walked = [], 0
    for model, page in PAGES.items():
        for each in page.list_filter:
            name = each[0] if isinstance(each, tuple) else each
            field = field_at(model, name) if isinstance(name, str) else None
            if not isinstance(field, ForeignKey):
                continue
            walked += 1
            remote = PAGES.get(field.related_model)
            way = remote.organization_path if remote else "organization"
            row = field.related_model._default_manager.filter(**{way: theirs.pk}).last()
            for end in ("id__exact", "pk__exact"):
                found = apart(
                    client,
                    lambda pk, model=model, key=f"{name}__{end}": client.get(list_of(model), {key: pk}),
                    row.pk if row else 1,
                    UNKNOWN_NUMBER,
                )
                wrong += [f"{model._meta.label} {name}__{end}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)
    assert walked > 10


def field_at(model: type[Model], path: str) -> Any:
    for step in path.split("__"):
        field = model._meta.get_field(step)
        model = field.related_model  # type: ignore[assignment]
    return field


# --- what is offered -----------------------------------------------------------------------------------------------------


def test_no_field_offers_foreign_rows(theirs, ours):
    """Autocomplete, for every foreign key of every page's model and of its inlines."""
    client, _membership = ours
    asked = 0
    models = [*PAGES, *(inline.model for page in PAGES.values() for inline in page.inlines)]
    for model in models:
        for field in model._meta.fields:
            remote = PAGES.get(field.related_model) if isinstance(field, ForeignKey) else None
            if remote is None:
                continue
            asked += 1
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "term": ""}
            answer = client.get(reverse("admin:autocomplete"), {**query, "field_name": field.name})
            foreign = set(
                field.related_model._default_manager.filter(
                    **{remote.organization_path: theirs.pk}
                ).values_list("pk", flat=True)
            )
            offered = answer.json()["results"] if answer.status_code == 200 else []
            assert answer.status_code in {200, 403, 404}
            assert not {row["id"] for row in offered} & set(map(str, foreign)), (model, field.name)
    assert asked > 20


def test_exports_hold_our_own_rows_only(theirs, ours):
    client, membership = ours
    request = RequestFactory().get("/admin/")
    request.user, request.session = membership.user, client.session
    for model, page in PAGES.items():
        try:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_export", args=["csv"])
        except NoReverseMatch:
            continue
        if model is Organization:
            continue  # has one page, and no list
        answer = client.get(address)
        assert answer.status_code == 200, model
        content = b"".join(answer.streaming_content)
        lines = content.count(b"\r\n") - 1
        assert lines <= page.get_queryset(request).count(), model


def test_search_finds_our_own_rows_only(theirs, ours):
    client, _membership = ours
    page = client.get(reverse("admin:search"), {"s": "shop0"}).content.decode()
    foreign = {str(row.pk) for row in Reconciliation.objects.filter(organization=theirs)}
    linked = set(re.findall(r"/admin/rules/reconciliation/(\d+)/", page))
    assert not linked & foreign
