"""The back office's pages of what needs a person: the queue of exceptions, one exception, and the sweeps."""

from exceptions_app.admin import queue, sweeps

__all__ = ["queue", "sweeps"]
