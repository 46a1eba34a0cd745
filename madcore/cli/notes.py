"""What the library logs is said as the launcher says everything."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from madcore.cli.session import talk

__all__ = ["notes_said"]


class _Talker(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        talk(record.getMessage())


@contextmanager
def notes_said() -> Iterator[None]:
    """Say what is worth knowing while something long runs."""
    logger, talker = logging.getLogger("madcore"), _Talker()
    level = logger.level
    logger.addHandler(talker)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(talker)
        logger.setLevel(level)
