"""What is taken in about exceptions."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.exceptions import examples
from api.shared.fields import Body, Id
from api.shared.schema import with_example
from exceptions_app.models.exceptions import TITLE_MAX
from exceptions_app.services.comments import BODY_MAX
from exceptions_app.services.exceptions import DESCRIPTION_MAX
from exceptions_app.services.members import PEOPLE_MAX
from exceptions_app.states import ExceptionStatus

Text = serializers.CharField


class UserIds(serializers.ListField):
    child = Id()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=PEOPLE_MAX, **kwargs)


@with_example(examples.NEW_EXCEPTION)
class ExceptionBody(Body):
    reconciliation_id = Id()
    data_stream_id = Id(help_text="A stream of that reconciliation.")
    title = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=TITLE_MAX,
        help_text="Default: the stream's name, and what it is.",
    )
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=DESCRIPTION_MAX)
    status = serializers.ChoiceField(ExceptionStatus.choices, default=ExceptionStatus.OPEN)
    assignee_ids = UserIds(help_text="Ours: whose work it is, members of the organization.")

    class Meta:
        ref_name = "ReconciliationExceptionBody"


@with_example({"status": "resolved"})
class ExceptionChangeBody(Body):
    """What is left out stays."""

    title = Text(required=False, max_length=TITLE_MAX)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=DESCRIPTION_MAX)
    status = serializers.ChoiceField(ExceptionStatus.choices, required=False)
    assignee_ids = UserIds(help_text="Ours: these and no others.")

    class Meta:
        ref_name = "ReconciliationExceptionChangeBody"


@with_example({"body": "Acquirer confirms payout on Friday", "mentions": [2]})
class CommentBody(Body):
    body = Text(max_length=BODY_MAX)
    mentions = UserIds(help_text="Members of the organization, by their ids.")

    class Meta:
        ref_name = "ExceptionCommentBody"
