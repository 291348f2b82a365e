"""`python -m kscaffold`, and the installed command."""

import os
import sys


def run() -> None:
    """Run the command line; from here on, an interrupt is one line and an exit code."""
    try:
        _open_streams()
        # Here, since most of the time before a command runs goes into imports.
        from kscaffold.cli import main

        main(prog_name="kscaffold")
    except KeyboardInterrupt:
        os.write(2, b"Interrupted.\n")
        sys.exit(130)
    finally:
        _ignore_interrupts()


def _open_streams() -> None:
    """Open closed standard streams on the null device: no other file may take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _ignore_interrupts() -> None:
    """Let nothing stop the process from ending: its exit code is known."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    run()
