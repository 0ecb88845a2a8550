"""The program in this process."""

import pytest

from exfuse import cli


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """What a person types after `exfuse`, in the current folder; gives the exit code."""
    monkeypatch.setattr("sys.argv", ["exfuse", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code
