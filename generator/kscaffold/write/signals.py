"""Signals while a write is under way: noted at once, acted on where stopping is orderly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from kscaffold.errors import TargetError

Checkpoint = Callable[[], None]
Result = TypeVar("Result")
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def orderly(work: Callable[[Checkpoint], Result]) -> Result:
    """Do the work, which calls its checkpoint wherever it can be stopped and undo all it did.

    A signal cuts no step short, least of all one of the undoing. When the work has ended, either
    way, the signal is raised again for whoever handled it before: an interrupt becomes a
    KeyboardInterrupt, a termination ends the process.

    Raises:
        TargetError: a signal stopped the work, and the handler from before let the program go on.
    """
    caught: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)

    def checkpoint() -> None:
        if caught:
            name = signal.Signals(caught[0]).name
            hint = "nothing was written, so just run it again"
            raise TargetError(f"stopped by {name}", hint=hint)

    before = _replace_handlers(note)
    try:
        return work(checkpoint)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def _replace_handlers(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Set the handler; an ignored signal (nohup) stays ignored, and other threads get none."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before: dict[int, Any] = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, handler)
    return before
