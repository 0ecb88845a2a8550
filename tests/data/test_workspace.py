"""What a preparation leaves when it is cut off, and what the next one makes of it."""

from pathlib import Path

import pytest

from benchmarks.contents import png
from exfuse.data.publisher_folder import publisher_folder
from exfuse.data.workspace import Workspace
from exfuse.errors import UserError
from tests.data.publishers import jpeg, labels

IDS = ("a", "b", "c")
MASK = png(labels(6, 4, 3))


class CutOffError(Exception):
    """Stands for the kill."""


def fill(target: Path, identity: str | None = "key", stop_before: str = "", made: list[str] | None = None) -> None:
    """A preparation of three images that is cut off before one of its files; ``made`` takes what is not resumed."""
    made = [] if made is None else made
    with publisher_folder(target, identity) as folder:
        for identifier in IDS:
            if f"{identifier}.jpg" == stop_before:
                raise CutOffError
            if folder.resume_image(identifier, "train", identifier) is None:
                made.append(f"{identifier}.jpg")
                folder.add_image(identifier, "train", jpeg(6, 4, grey=ord(identifier)), identifier)
            if f"{identifier}.png" == stop_before:
                raise CutOffError
            if not folder.resume_mask(identifier, identifier):
                made.append(f"{identifier}.png")
                folder.add_mask(identifier, MASK, (6, 4), (3,), identifier)
        folder.finish()


def cut_off(target: Path, before: str, identity: str | None = "key") -> Path:
    with pytest.raises(CutOffError):
        fill(target, identity, stop_before=before)
    return target.with_name(f".{target.name}.partial")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, bytes]:
    fill(tmp_path / "undisturbed" / "sbd")
    return tree(tmp_path / "undisturbed" / "sbd")


def test_finished_files_are_kept_and_the_result_is_the_same(
    tmp_path: Path, undisturbed: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    target, made = tmp_path / "prepared" / "sbd", []
    cut_off(target, "b.png")
    fill(target, made=made)
    assert made == ["b.png", "c.jpg", "c.png"]
    assert tree(target) == undisturbed
    assert list(target.parent.iterdir()) == [target]
    assert capsys.readouterr().err.splitlines() == ["sbd: 2 images and 1 masks of an interrupted preparation are kept"]


def test_the_earlier_folder_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "sbd"
    target.mkdir()
    (target / "index.csv").write_text("earlier")
    cut_off(target, "c.png")
    assert tree(target) == {"index.csv": b"earlier"}
    fill(target)
    assert len(tree(target)) == 7


def journal(workspace: Path) -> Path:
    return workspace / "journal"


@pytest.mark.parametrize("torn", [b'{"path": "images/c.jp', b"\0" * 40, b'{"path": 5}\n', b"null\n"])
def test_a_torn_line_counts_for_nothing(tmp_path: Path, undisturbed: dict[str, bytes], torn: bytes) -> None:
    target, made = tmp_path / "sbd", []
    workspace = cut_off(target, "c.jpg")
    with open(journal(workspace), "ab") as lines:
        lines.write(torn)
    cut_off(target, "c.png")  # its new line must not be glued to the torn one
    fill(target, made=made)
    assert made == ["c.png"]
    assert tree(target) == undisturbed


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_missing_or_cut_file_is_made_again(tmp_path: Path, undisturbed: dict[str, bytes], damage) -> None:
    target, made = tmp_path / "sbd", []
    damage(cut_off(target, "c.jpg") / "content" / "images" / "a.jpg")
    fill(target, made=made)
    assert made == ["a.jpg", "c.jpg", "c.png"]
    assert tree(target) == undisturbed


def test_an_altered_file_of_the_same_length_is_made_again(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    target, made = tmp_path / "sbd", []
    mask = cut_off(target, "c.jpg") / "content" / "masks" / "b.png"
    mask.write_bytes(bytes([mask.read_bytes()[0] ^ 1]) + mask.read_bytes()[1:])
    fill(target, made=made)
    assert made == ["b.png", "c.jpg", "c.png"]
    assert tree(target) == undisturbed


@pytest.mark.parametrize("identity", ["other", None])
def test_another_identity_starts_over(tmp_path: Path, identity: str | None) -> None:
    target, made = tmp_path / "sbd", []
    cut_off(target, "c.jpg")
    fill(target, identity, made=made)
    assert len(made) == 6


def test_nothing_is_left_that_nobody_can_go_on_with(tmp_path: Path) -> None:
    assert not cut_off(tmp_path / "sbd", "c.jpg", identity=None).exists()
    assert not cut_off(tmp_path / "sbd", "a.jpg").exists()


def test_what_is_in_no_index_is_not_published(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    target = tmp_path / "sbd"
    workspace = cut_off(target, "c.jpg")
    (workspace / "content" / "images" / "stranger.jpg").write_bytes(b"x")
    (workspace / "content" / ".index.half.csv").write_bytes(b"x")
    fill(target)
    assert tree(target) == undisturbed


def test_a_kill_between_the_two_steps_of_publication_loses_neither_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes]
) -> None:
    target, made = tmp_path / "sbd", []
    target.mkdir()
    (target / "index.csv").write_text("earlier")
    workspace = cut_off(target, "c.png")
    target.rename(workspace / "replaced")
    cut_off(target, "c.png")
    assert tree(target) == {"index.csv": b"earlier"}
    fill(target, made=made)
    assert made == ["c.png"]
    assert tree(target) == undisturbed


def test_an_unwritable_place_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*file/sbd"):
        Workspace(tmp_path / "file" / "sbd", "key")
