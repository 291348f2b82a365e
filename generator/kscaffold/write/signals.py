"""Defer signals during a write to points where it can be stopped and undone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from kscaffold.errors import TargetError

Checkpoint = Callable[[], None]
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def signals_deferred() -> Iterator[Checkpoint]:
    """Give a function to call wherever the work within can be stopped and undone.

    After the work, the signal is raised again for its former handler: an interrupt becomes a
    KeyboardInterrupt, a termination ends the process. If the handler lets the program go on, a
    `TargetError` says that the work was stopped.
    """
    caught: list[int] = []

    def checkpoint() -> None:
        if caught:
            reason = f"stopped by {signal.Signals(caught[0]).name}"
            raise TargetError(reason, hint="nothing was written, so just run it again")

    before = _replace_handlers(lambda number, _: caught.append(number))
    try:
        yield checkpoint
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def _replace_handlers(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Set the handler, in the main thread; ignored signals (nohup) stay ignored."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    unhandled = (signal.SIG_IGN, None)
    return {n: signal.signal(n, handler) for n in numbers if signal.getsignal(n) not in unhandled}
