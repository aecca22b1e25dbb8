"""Pages of the whole installation, for superusers: the schedule of background work, in the theme of the others."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The package's list of known tasks, drawn as the theme draws lists."""


class ScheduleForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, ModelAdmin):
    """When each background task is rung. Sunrise and one-time schedules are left out: nothing here runs by them."""

    form = ScheduleForm
    change_form_template = None  # the package's holds a script in the page, which our content policy stops
    nav_icon, nav_order = "schedule", 10
    nav_title = _("Schedule")
    date_hierarchy = None
    list_filter = ("enabled",)
    list_display = ("name", "enabled", "scheduler", "last_run_at")
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        (_("Schedule"), {"fields": ("interval", "crontab", "start_time", "last_run_at", "one_off")}),
        (_("Arguments"), {"fields": ("args", "kwargs")}),
    )
    readonly_fields = ("last_run_at",)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):
    nav_icon, nav_order = "timer", 20


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):
    nav_icon, nav_order = "event_repeat", 30
