"""`python -m kscaffold`, and the installed command."""

from kscaffold.cli import main


def run() -> None:
    """Run the command line."""
    main(prog_name="kscaffold")


if __name__ == "__main__":
    run()
