"""The one exception that a user can cause."""


class UserError(Exception):
    """What is wrong, where, and what to do, in words for the person at the keyboard.

    The command line prints the message alone (no traceback) and exits with code 1. Everything else that is
    raised is a defect of the program and keeps its traceback.
    """
