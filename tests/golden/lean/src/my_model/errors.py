"""The one error that the command line reports without a traceback."""


class UserError(Exception):
    """Something that the user can fix; the message says what is wrong and where."""
