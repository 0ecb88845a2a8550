"""Words of strangers on a terminal."""


def printable(text: str, keep: str = "") -> str:
    """Text without control characters, which could move a terminal's cursor or colours; each becomes "�".

    Args:
        text: a file's name, or what a file of weights says of itself.
        keep: control characters that stay.
    """
    return "".join(sign if sign.isprintable() or sign in keep else "\ufffd" for sign in text)
