"""`python -m kscaffold`, and the installed command."""

import os
import sys


def run() -> None:
    """Run the command line; from here on, an interrupt is one line and an exit code."""
    try:
        _open_streams()
        # Imported here, since imports take most of the start-up time.
        from kscaffold.cli import main

        main(prog_name="kscaffold")
    except KeyboardInterrupt:
        os.write(2, b"Interrupted.\n")
        sys.exit(130)
    finally:
        import signal

        # The exit code is known: nothing may change it any more.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _open_streams() -> None:
    """Open closed standard streams on the null device, so that no other file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


if __name__ == "__main__":
    run()
