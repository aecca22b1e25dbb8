"""The base of this floor's pages: books and amounts, and the looks of both sides facing each other."""

from __future__ import annotations

from ledgers.backoffice import BooksModelAdmin


class ClearingModelAdmin(BooksModelAdmin):
    class Media:
        css = {"all": ["reconciliation/desk.css"]}
