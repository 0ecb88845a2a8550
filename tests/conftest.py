"""What all tests share: one thread for torch, the repository's folder, the real subset of the archives."""

import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Sums depend on the number of threads. A test that does not need torch does not pay two seconds to import it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def hear_lost_terminals() -> None:
    """`nohup` makes all that it starts deaf to SIGHUP, which the program respects and tests do not expect."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


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
