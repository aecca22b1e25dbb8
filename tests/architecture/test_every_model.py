"""Walks all models, so that the next one cannot forget what every one must have."""

import importlib
from typing import Any

import factory
import pytest
from django.apps import apps
from django.db import models

from tests.architecture.source import FLOORS

MODELS = [
    model
    for app in FLOORS
    for model in apps.get_app_config(app).get_models()
    if not model._meta.proxy  # another face of a table that stands in the list
]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


def models_with_a_factory(app: str) -> set[type[models.Model]]:
    module = importlib.import_module(f"tests.factories.{app}")
    named = vars(module).values()
    made: list[Any] = [each for each in named if isinstance(each, type) and issubclass(each, factory.Factory)]
    return {each._meta.model for each in made if each._meta.model is not None}


@every_model
def test_a_status_is_guarded_by_the_database(model):
    if "status" in {field.name for field in model._meta.fields}:
        wanted = f"{model._meta.model_name}_status_known"
        guards = [each.name for each in model._meta.constraints if isinstance(each, models.CheckConstraint)]
        assert wanted in guards, f"{model._meta.label}.status may hold any text"


@every_model
def test_a_status_column_takes_its_choices_from_one_table(model):
    for field in model._meta.fields:
        if field.name == "status":
            assert field.choices, f"{model._meta.label}.status names no choices: see states.py"


@every_model
def test_it_has_a_factory(model):
    assert model in models_with_a_factory(model._meta.app_label), (
        f"add one to tests/factories/{model._meta.app_label}.py"
    )


@every_model
def test_its_foreign_keys_point_to_the_same_or_a_lower_floor(model):
    own = FLOORS.index(model._meta.app_label)
    for field in model._meta.get_fields():
        if field.is_relation and field.concrete and field.related_model is not None:
            target = field.related_model._meta.app_label
            # Django's own rows (a user's groups, say) stand under all of ours.
            assert target not in FLOORS or FLOORS.index(target) <= own, f"{field} points up"


@every_model
def test_no_delete_cascades_to_another_floor(model):
    """Django would delete rows of a floor above unseen; they are voided by a service, or protect what they point to."""
    for field in model._meta.fields:
        if (
            isinstance(field, models.ForeignKey)
            and field.related_model._meta.app_label != model._meta.app_label
        ):
            assert field.remote_field.on_delete is not models.CASCADE, f"{field}: use PROTECT or DO_NOTHING"


@every_model
def test_it_has_a_text_of_its_own(model):
    assert model.__str__ is not models.Model.__str__, "people meet it in admin, in messages and in the trail"
