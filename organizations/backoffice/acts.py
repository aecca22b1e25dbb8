"""Acts of the back office: declared by an admin page, offered as buttons, and run by one view through `perform`.

An act that cannot be done now is shown greyed with its reason. Every change is a POST with a CSRF token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from organizations.acts import perform
from organizations.backoffice.current import actor_of
from organizations.refusals import Refusal

REFUSALS_SHOWN_MAX = 10
NAME_OF_CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do with the fields as they were entered: a template, which finds `told` in its context."""

    template: str
    told: Any


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done to the row (or the list) that a page shows.

    `run` is a service with all but `by`, `at` and the form's fields given: it is called, inside `perform`, as
    `run(**form.cleaned_data, by=actor, at=now)`. `against` says why it cannot be done now; empty: it can. `preview` is
    called as `preview(**form.cleaned_data, at=now)`; only what was shown that way is run.
    """

    name: str  # in the URL: lower case, with dashes
    label: str
    run: Callable[..., Any]
    scope: str
    against: str = ""
    danger: bool = False
    form: type[forms.Form] | None = None
    initial: dict[str, Any] = field(default_factory=dict)
    explain: str = (
        ""  # what will happen, on the page that asks; an act with neither this nor a form runs at once
    )
    success: str | Callable[[Any], str] = ""
    after: Callable[[HttpRequest, Any], HttpResponse | None] | None = None  # another answer than going back
    preview: Callable[..., Preview] | None = None  # shown first: what the entered fields would do

    @property
    def asks(self) -> bool:
        """Whether a page comes first: with fields to fill, or to think twice."""
        return self.form is not None or bool(self.explain)

    @property
    def shows_first(self) -> bool:
        """Whether it has a preview: templates would call the preview itself."""
        return self.preview is not None


@dataclass(frozen=True, slots=True)
class Done:
    """How an act ended. True where it was done; `value` is what the service gave."""

    ok: bool
    value: Any = None
    refusal: Refusal | None = None

    def __bool__(self) -> bool:
        return self.ok


def run_act(request: HttpRequest, act: Callable[[], Any], success: str | Callable[[Any], str] = "") -> Done:
    """Perform one act and tell the person: `success` where it was done, else what the domain says against it."""
    try:
        value = perform(act)
    except Refusal as refusal:
        messages.error(request, sentence_of(refusal))
        return Done(False, refusal=refusal)
    text = success(value) if callable(success) else success
    if text:
        messages.success(request, text)
    return Done(True, value)


def run_acts(request: HttpRequest, acts: Iterable[tuple[str, Callable[[], Any]]]) -> Sequence[Done]:
    """Perform many, each on its own: one message counts what was done, one names each refusal (the first ten)."""
    results: list[tuple[str, Done]] = []
    for label, act in acts:
        try:
            results.append((label, Done(True, perform(act))))
        except Refusal as refusal:
            results.append((label, Done(False, refusal=refusal)))
    done = sum(1 for _label, result in results if result)
    if done:
        messages.success(request, ngettext("%(n)s done.", "%(n)s done.", done) % {"n": done})
    refused = [(label, result.refusal) for label, result in results if result.refusal is not None]
    for label, why in refused[:REFUSALS_SHOWN_MAX]:
        messages.error(request, f"{label}: {sentence_of(why)}")
    if len(refused) > REFUSALS_SHOWN_MAX:
        more = len(refused) - REFUSALS_SHOWN_MAX
        messages.error(
            request, ngettext("%(n)s more was refused.", "%(n)s more were refused.", more) % {"n": more}
        )
    return [result for _label, result in results]


def run_declared(request: HttpRequest, act: Act, cleaned: dict[str, Any]) -> Done:
    """Run an Act as its page declares it."""
    return run_act(request, partial(act.run, **cleaned, by=actor_of(request), at=timezone.now()), act.success)


def sentence_of(refusal: Refusal) -> str:
    """The refusal's message, and behind it the issues that it does not tell itself."""
    said = [
        (
            ": ".join(
                [".".join(str(part) for part in issue.get("path", [])), str(issue.get("message", ""))]
            ).removeprefix(": "),
            issue.get("message"),
        )
        for issue in refusal.issues[:REFUSALS_SHOWN_MAX]
    ]
    told = refusal.message
    issues = "; ".join(text for text, message in said if text not in told and message != told)
    return f"{told} ({issues})" if issues else told


def why_not(act: Act, *, allowed: bool) -> str:
    """Why the act is greyed: the role does not allow it, or the state of the row is against it. Empty: go on."""
    return act.against if allowed else _("Your role does not allow this.")
