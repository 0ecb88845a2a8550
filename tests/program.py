"""The program, in this process or in one of its own."""

import signal

import pytest

from exfuse import cli


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """What a person types after `exfuse`, in the current folder; gives the exit code."""
    monkeypatch.setattr("sys.argv", ["exfuse", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def hear_ctrl_c() -> None:
    """For ``preexec_fn``: a shell starts what runs in its background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
