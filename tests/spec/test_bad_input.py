"""What a person mistypes in ``params/``: one sentence that names the file, the key and the nearest valid name."""

from pathlib import Path

import pytest

from exfuse import cli
from exfuse.errors import UserError
from tests.params import Params
from tests.spec.bad_params import BAD_PARAMS


@pytest.fixture(params=BAD_PARAMS)
def case(request: pytest.FixtureRequest, params: Params) -> tuple[Params, str, tuple[str, ...]]:
    """A folder with one mistake, a preset that meets it, and the words that its message has to hold."""
    spoil, words = BAD_PARAMS[request.param]
    spoil(params)
    return params, request.param, words


# A preset shows a mistake in the file of another only if it inherits the spoilt key.
SHOWN_BY = {
    "missing-key": "paper",
    "number-that-yaml-reads-as-text-inherited": "voc",
    "preset-in-config": None,
    "no-preset-in-config": None,
    "unknown-key-in-config": None,
}


def test_one_sentence_with_file_key_and_nearest_name(
    case: tuple[Params, str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params, name, words = case
    preset = SHOWN_BY.get(name, "mini")
    if name == "number-that-yaml-reads-as-text-inherited":
        words = ("paper.yaml", "optimizer.weight_decay", "'5e-4'")
    with pytest.raises(UserError) as caught:
        params.load(preset)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message

    monkeypatch.chdir(params.root)
    monkeypatch.setattr("sys.argv", ["exfuse", *(["--preset", preset] if preset else []), "status"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("error: ")
    for word in words:
        assert word in printed.err
    assert sorted(path.name for path in params.root.iterdir()) == ["params"]


def test_unknown_preset(params: Params) -> None:
    with pytest.raises(UserError, match=r"unknown preset 'mimi'; did you mean 'mini'\?"):
        params.load("mimi")


def test_unknown_override(params: Params) -> None:
    with pytest.raises(UserError, match="'data_rot'; did you mean 'data_root'"):
        params.load("mini", data_rot="/somewhere")


def test_unknown_data_folder_on_the_command_line(params: Params) -> None:
    with pytest.raises(UserError, match="unknown data folder 'ofical'; did you mean 'official'"):
        params.load("mini", data="ofical")


def test_a_folder_without_params(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params: no such folder\. Run from the repository's root\.$"):
        Params(tmp_path).load("mini")


def test_the_alternative_of_a_supervised_res_5_loads(params: Params) -> None:
    params.put("presets/mini.yaml", "semantic_supervision.levels", {"value": [1, 2, 3, 4], "source": "paper §3.1"})
    assert params.load("mini").preset.semantic_supervision.levels == (1, 2, 3, 4)


def test_a_preset_does_not_inherit_scores(params: Params) -> None:
    """`mini` extends `paper`: a score of full-size training says nothing about it."""
    params.put("presets/paper.yaml", "test_server", {"exfuse-resnet101-test": {"miou": 86.2, "key": "0"}})
    assert params.load("paper").preset.test_server["exfuse-resnet101-test"].miou == 86.2
    assert params.load("mini").preset.test_server == {}
    params.put("presets/mini.yaml", "test_server", {"exfuse-resnext131-test": {"miou": 50.0, "key": "1"}})
    assert list(params.load("mini").preset.test_server) == ["exfuse-resnext131-test"]
    assert params.load("smoke").preset.test_server == {}


def test_an_unharmed_copy_loads(params: Params, repo_root: Path) -> None:
    """What the cases above start from."""
    assert params.keys("mini").keys() == Params(repo_root).keys("mini").keys()
