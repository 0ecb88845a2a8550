"""`exfuse report --compare A B`, which reads two folders and nothing of the current one."""

from pathlib import Path

import pytest

from exfuse.files import write_json
from tests.program import call

TABLE = (
    "row,column,run,metric,flip,paper,measured,std,seeds,delta,status\n7,miou,exfuse,miou,false,80.0,{},,1,,measured\n"
)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two results folders with a table and a job each; the current folder holds no ``params/``."""
    for name, measured in (("a", "45.67"), ("b", "46.00")):
        (tmp_path / name / "tables").mkdir(parents=True)
        (tmp_path / name / "tables" / "table3.csv").write_text(TABLE.format(measured))
        job = {"job": "tables/table3", "key": name, "settings": {"preset": name}, "upstream": {}, "outputs": {}}
        write_json(tmp_path / name / "tables" / "table3.manifest.json", job)
    monkeypatch.chdir(tmp_path)
    return "a", "b"


def files(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_compares_without_params(
    folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "report", "--compare", *folders) == 0
    assert capsys.readouterr().out == "comparison.html: a (A) and b (B) side by side\n"
    assert "+0.33" in (tmp_path / "comparison.html").read_text()
    assert call(monkeypatch, "report", "--compare", "b", "a") == 0  # its own page is replaced
    assert "−0.33" in (tmp_path / "comparison.html").read_text()
    assert call(monkeypatch, "report", "--compare", *folders, "--output", "deep/er/page.html") == 0
    assert (tmp_path / "deep" / "er" / "page.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--compare", "a", "gone"), "cannot compare gone: there is no such folder."),
        (("--compare", "a", "./a"), "a and a are the same folder."),
        (("--compare", "a", "b", "--output", "a"), "a is a folder. Name the file to write."),
        (("--compare", "a", "b", "--output", "mine.html"), "mine.html exists and is no comparison. Use --overwrite"),
        (("--output", "page.html"), "exfuse report: --output and --overwrite are for --compare A B alone."),
        (("--overwrite",), "exfuse report: --output and --overwrite are for --compare A B alone."),
    ],
)
def test_bad_input_is_one_message(
    folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    (tmp_path / "mine.html").write_text("mine")
    before = files(tmp_path)
    assert call(monkeypatch, "report", *words) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {message}")
    assert printed.err.count("\n") == 1
    assert files(tmp_path) == before
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_one_folder_is_not_enough(monkeypatch: pytest.MonkeyPatch, folders: tuple[str, str]) -> None:
    assert call(monkeypatch, "report", "--compare", "a") == 2
