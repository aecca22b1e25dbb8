"""MT940 messages for tests, written by hand as banks would send them."""

from tests.ledgers.formats.reading import read

HEAD = ":20:REF-1\r\n:25:DE02120300000000202051\r\n:28C:7/1\r\n"
OPENING, CLOSING = ":60F:C260301EUR100,00\r\n", ":62F:C260331EUR100,00\r\n"


def mt940(*lines: str, head: str = HEAD, opening: str = OPENING, closing: str = CLOSING) -> str:
    return head + opening + "".join(f"{line}\r\n" for line in lines) + closing + "-\r\n"


def line_of(first: str, *details: str, currency: str | None = None) -> dict:
    """The only line of a statement."""
    return read(mt940(first, *details), currency=currency).row
