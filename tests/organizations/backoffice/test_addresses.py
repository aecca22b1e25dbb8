"""An address that no text column can hold is refused, not tried."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/admin/?q=%00", "/admin/organizations/membership/?q=a%00b", "/admin/x%00y/"]
)
def test_a_nul_in_an_address_is_a_bad_request(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert "NUL" in answer.content.decode()
