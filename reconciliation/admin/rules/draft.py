"""What a person says of a rule while they edit it: the texts of the form, the facts that they stand for, and each refusal
beside the input that it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from organizations.refusals import Refusal
from reconciliation.admin.rules.rows import INPUTS, ROWS_MAX, Row, Scope, number, pretty, rows_of, tree_of
from rules.checking import DEFAULTS
from rules.models import Rule
from rules.states import OnDifference, ReconciliationKind

SPARE = 2
MORE = 3
TEXTS = (
    "name",
    "description",
    "priority",
    "cardinality",
    "group_by",
    "rollup_kind",
    "lookback_days",
    "date_field",
    "score",
    "on_ambiguity",
    "on_difference",
    "auto_accept",
    "accept_at",
)
ROLLUP = {"group_by_kind": "rollup_kind", "lookback_days": "lookback_days", "date_field": "date_field"}
JSON_MAX = 200_000


@dataclass
class Draft:
    """`as_json`: the conditions are what stands in `json`, else what the rows say. `rows_say_it` is off where the rows
    cannot show the conditions."""

    texts: dict[str, str]
    rows: list[Row]
    scopes: list[Scope]
    json: str
    as_json: bool = False
    rows_say_it: bool = True
    revision: int | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def conditions(self) -> list[Row | Scope]:
        return [*self.rows, *self.scopes]

    # --- where it comes from ------------------------------------------------------------------------------------------

    @classmethod
    def new(cls, kind: str, *, accepts: bool, priority: int) -> Draft:
        streams = kind == ReconciliationKind.STREAMS
        texts = {**dict.fromkeys(TEXTS, ""), **{n: str(v) for n, v in DEFAULTS.items() if isinstance(v, str)}}
        texts |= {
            "priority": str(priority),
            "score": "1",
            "accept_at": "0.99",
            "auto_accept": "yes" if accepts else "",
            "on_difference": OnDifference.ALLOW.value if streams else OnDifference.REFUSE.value,
        }
        field_ = "amount" if streams else "effect"
        draft = cls(texts, [Row(key=field_, value=field_)], [], "")
        draft.json = pretty(tree_of(draft.rows, []))
        return draft.with_spare(SPARE)

    @classmethod
    def of_rule(cls, rule: Rule, revision: int | None) -> Draft:
        rollup = rule.rollup or {}
        texts = {name: _shown(getattr(rule, name, "")) for name in TEXTS}
        texts |= {
            "group_by": ", ".join(rule.group_by),
            **{text: _shown(rollup.get(name)) for name, text in ROLLUP.items()},
        }
        found = rows_of(rule.filters)
        rows, scopes = found or ([], [])
        return cls(
            texts,
            rows,
            scopes,
            pretty(rule.filters),
            as_json=found is None,
            rows_say_it=found is not None,
            revision=revision,
        ).with_spare(SPARE)

    @classmethod
    def of_post(cls, data: Mapping[str, str]) -> Draft:
        def rows(kind: type[Any], prefix: str) -> list[Any]:
            found = []
            for place in range(ROWS_MAX):
                given = {name: data.get(f"{prefix}{place}-{name}") for name in INPUTS[kind]}
                if all(value is None for value in given.values()):
                    break
                found.append(kind(**{name: value for name, value in given.items() if value is not None}))
            return found

        revision = data.get("revision", "")
        return cls(
            {name: data.get(name, "") for name in TEXTS},
            rows(Row, "row"),
            rows(Scope, "scope"),
            data.get("json", ""),
            as_json=data.get("as") == "json",
            rows_say_it=data.get("rows_say_it") != "no",
            revision=int(revision)
            if revision.isascii() and revision.isdigit() and len(revision) < 10
            else None,
        )

    def with_spare(self, count: int) -> Draft:
        self.rows += [Row() for _each in range(min(count, ROWS_MAX - len(self.rows)))]
        self.scopes += [Scope() for _each in range(min(1, ROWS_MAX - len(self.scopes)))]
        return self

    # --- what it says ---------------------------------------------------------------------------------------------------

    def filters(self) -> Any:
        """The tree; None, with an error, where the JSON cannot be read."""
        if not self.as_json:
            tree = tree_of(self.rows, self.scopes)
            self.json = pretty(tree)  # shown beside the rows where they are shown again
            return tree
        try:
            if len(self.json) > JSON_MAX:
                raise ValueError(_("it is longer than %(most)s characters") % {"most": JSON_MAX})
            return json.loads(self.json)
        except (ValueError, RecursionError) as error:
            self.errors.setdefault("json", []).append(
                _("This is no JSON: %(error)s.") % {"error": str(error) or _("it is nested too deep")}
            )
            return None

    def facts(self) -> dict[str, Any] | None:
        """What the service is told; None where the JSON cannot be read."""
        filters = self.filters()
        if filters is None:
            return None
        said = self.texts
        plain = ("name", "description", "cardinality", "on_ambiguity", "on_difference")
        return {
            **{name: said[name] for name in plain},
            "filters": filters,
            "priority": number(said["priority"].strip()),
            "group_by": [part.strip() for part in said["group_by"].split(",") if part.strip()],
            "rollup": self._rollup(),
            "score": number(said["score"].strip()),
            "auto_accept": bool(said["auto_accept"]),
            "accept_at": number(said["accept_at"].strip()),
        }

    def _rollup(self) -> dict[str, Any] | None:
        if self.texts["cardinality"] == "one_to_one":
            return None
        kind, days, day = (self.texts[name].strip() for name in ROLLUP.values())
        rollup: dict[str, Any] = {"group_by_kind": kind or "date"}
        if days:
            rollup["lookback_days"] = number(days)
        if day:
            rollup["date_field"] = day
        return rollup

    # --- what is wrong with it ------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Puts each issue beside its input; what is about none of them stands on top."""
        if not refusal.issues:
            self.errors.setdefault("top", []).append(refusal.message)
        for issue in refusal.issues:
            path = tuple(issue["path"])
            place = None if self.as_json else self._row_at(path)
            if place is not None:
                place.errors.append(issue["message"])
                continue
            name = self._input_of(path)
            where = ".".join(map(str, path)) if name in ("json", "top") else ""
            text = f"{where}: {issue['message']}" if where else issue["message"]
            self.errors.setdefault(name, []).append(text)

    def _row_at(self, path: tuple[Any, ...]) -> Row | Scope | None:
        for row in self.conditions:
            if row.path and path[: len(row.path)] == row.path:
                return row
        return None

    def _input_of(self, path: tuple[Any, ...]) -> str:
        head = str(path[0]) if path else ""
        if head == "filters":
            return "json" if self.as_json else "rows"
        if head == "rollup":
            return ROLLUP.get(str(path[1]), "rollup_kind") if len(path) > 1 else "rollup_kind"
        return head if head in TEXTS else "top"


def _shown(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
