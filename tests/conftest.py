"""What all tests share: torch and signals as a process begins with them, the repository, the real archives."""

import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def torch_as_it_begins() -> None:
    """What a training sets is the whole process's, and here of the tests after it: threads, and how sums are made.

    A test that does not need torch does not pay two seconds to import it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.fixture(scope="session", autouse=True)
def hear_signals() -> None:
    """`nohup` makes all that it starts deaf to SIGHUP, a shell's `&` to SIGINT: the program heeds it, not tests."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder with pyproject.toml, Snakefile and params/."""
    return ROOT


@pytest.fixture(scope="session")
def real_archives(repo_root: Path) -> Path:
    """The folder with a small real subset of the publishers' archives; without it the test is skipped."""
    folder = repo_root.parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(f"no real archives: {folder} does not exist")
    return folder
