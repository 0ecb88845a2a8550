"""Words of strangers on a terminal."""


def printable(text: str) -> str:
    """One line of a file's name, or of what a file of weights says of itself.

    Control characters, which could begin lines or move a terminal's cursor and colours, become "�".
    """
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
