"""The pages behind declared acts: offers them as buttons, asks where they ask, runs them. A part of the admin base."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations.backoffice.acts import Act, Preview, run_declared, why_not
from organizations.backoffice.current import may


@dataclass(frozen=True, slots=True)
class Offer:
    """An act as a page shows it: where it goes, and why it is greyed, if it is."""

    act: Act
    url: str
    against: str


class ActsMixin(admin.ModelAdmin):
    """Adds `acts` (on a row's page) and `list_acts` (above the list) to a ModelAdmin."""

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        """What can be done to this one, now or in another state."""
        return []

    def list_acts(self, request: HttpRequest) -> list[Act]:
        """What can be done from the list, without a row."""
        return []

    def offered(self, request: HttpRequest, obj: Any) -> list[Offer]:
        """The acts of a row (or of the list, for None) with their addresses, each allowed or with its reason."""
        acts = self.list_acts(request) if obj is None else self.acts(request, obj)
        return [
            Offer(act, self.act_url(act, obj), why_not(act, allowed=may(request, act.scope)))
            for act in acts
            if obj is not None or may(request, act.scope)
        ]

    def act_url(self, act: Act, obj: Any) -> str:
        base = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        if obj is None:
            return reverse(f"{base}_list_act", args=[act.name])
        return reverse(f"{base}_act", args=[obj.pk, act.name])

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("act/<slug:name>/", view(self.list_act_view), name=f"{name}_list_act"),
            path("<path:object_id>/act/<slug:name>/", view(self.act_view), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def list_act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        back = reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return self._answer(request, None, name, back)

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        back = reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk]
        )
        return self._answer(request, obj, name, back)

    def _answer(self, request: HttpRequest, obj: Any, name: str, back: str) -> HttpResponse:
        """Ask, run, or say why not; then back to the page that the act was offered on."""
        acts = self.list_acts(request) if obj is None else self.acts(request, obj)
        act = next((act for act in acts if act.name == name), None)
        if act is None:
            raise Http404
        if not may(request, act.scope):
            raise PermissionDenied
        if act.against:
            messages.error(request, act.against)
            return HttpResponseRedirect(back)
        posted = request.method == "POST"
        form = self._form_of(request, act)
        if posted and form.is_valid() and act.preview is not None and not _was_shown(request):
            told = act.preview(**form.cleaned_data, at=timezone.now())
            return self._ask(request, act, form, obj, back, preview=told)
        if posted and form.is_valid():
            done = run_declared(request, act, form.cleaned_data)
            if done and act.after is not None and (answer := act.after(request, done.value)) is not None:
                return answer
            if done or not act.asks:
                return HttpResponseRedirect(back)
        return self._ask(request, act, form, obj, back)

    def _form_of(self, request: HttpRequest, act: Act) -> forms.Form:
        form_class = act.form or forms.Form
        if request.method == "POST":
            return form_class(request.POST, request.FILES)
        return form_class(initial=act.initial)

    def _ask(
        self,
        request: HttpRequest,
        act: Act,
        form: forms.Form,
        obj: Any,
        back: str,
        *,
        preview: Preview | None = None,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "subtitle": str(obj) if obj is not None else None,
            "opts": self.opts,
            "act": act,
            "form": form,
            "back": back,
            "media": self.media + form.media,
            "question": act.explain or _("Please fill this in."),
            "preview": preview,
            "told": preview.told if preview is not None else None,
            "shown": _seal(request) if preview is not None else "",
        }
        return render(request, "admin/tieout/act.html", context)


SHOWN = "shown"
"""The field of a form that says what its preview was made of."""


def _was_shown(request: HttpRequest) -> bool:
    """Whether the person asks for what they have seen the preview of, and for that alone."""
    return request.POST.get("do") != "preview" and request.POST.get(SHOWN) == _seal(request)


def _seal(request: HttpRequest) -> str:
    """Stands for the fields as they were entered."""
    entered = sorted(
        (name, values)
        for name, values in request.POST.lists()
        if name not in {SHOWN, "do", "csrfmiddlewaretoken"}
    )
    return hashlib.sha256(json.dumps(entered).encode()).hexdigest()[:24]
