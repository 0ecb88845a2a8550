"""Tables 1–8 and the sentences with numbers: every value written out here from the paper's text, not from params/."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from exfuse.spec.paper import Measure
from exfuse.spec.spec import Spec

GCN50 = ["gcn-resnet50-4", "gcn-resnet50-34", "gcn-resnet50-234", "gcn-resnet50"]
GCN101 = ["gcn-resnext101-4", "gcn-resnext101-34", "gcn-resnext101-234", "gcn-resnext101"]
EXFUSE = ["exfuse-4", "exfuse-34", "exfuse-234", "exfuse"]

PRINTED: dict[str, dict[str, list[tuple[float, str | None]]]] = {
    "table1": {
        "resnet50": list(zip([70.04, 72.17, 72.28, 72.41], GCN50, strict=True)),
        "resnext101": list(zip([73.79, 75.97, 75.98, 76.02], GCN101, strict=True)),
    },
    "table2": {
        "top1": [(24.15, "resnet50"), (24.77, "resnet50-ss")],
        "miou": [(72.4, "gcn-resnet50"), (73.5, "gcn-resnet50-ss")],
    },
    "table3": {
        "miou": [
            (76.0, "gcn-resnext101"),
            (77.5, "ss"),
            (78.3, "ss-lr"),
            (78.8, "ss-lr-ecre"),
            (79.0, "ss-lr-seb"),
            (79.6, "ss-lr-seb-dap"),
            (80.0, "exfuse"),
        ]
    },
    "table4": {
        "miou": [
            (78.3, "ss-lr"),
            (78.2, "ss-lr-deconv-supervised"),
            (77.6, "ss-lr-subpixel"),
            (78.8, "ss-lr-ecre"),
        ]
    },
    "table5": {"miou": [(79.0, "ss-lr-seb"), (79.1, "ss-lr-seb-wide"), (79.6, "ss-lr-seb-dap")]},
    "table6": {
        "gcn": list(zip([73.79, 75.97, 75.98, 76.02], GCN101, strict=True)),
        "exfuse": list(zip([77.29, 78.69, 79.11, 80.04], EXFUSE, strict=True)),
    },
    "table7": {
        "miou": [
            (80.0, "exfuse"),
            (80.8, "exfuse-resnext131"),
            (85.4, "exfuse-resnext131-coco"),
            (85.8, "exfuse-resnext131-coco"),
        ]
    },
    "table8": {
        "miou": [
            *((value, None) for value in (83.1, 83.6, 84.2, 84.9, 85.4, 85.7, 86.6, 87.8)),
            (86.2, "exfuse-resnet101-test"),
            (87.9, "exfuse-resnext131-test"),
        ]
    },
}
LABELS = {
    "table1": ["{4}", "{3, 4}", "{2, 3, 4}", "{1, 2, 3, 4}"],
    "table2": ["Res50", "SS Res50"],
    "table4": ["Baseline", "Deconv + Supervised", "Sub-pixel Upsample Only", "ECRE (Fig 5)"],
    "table5": ["Baseline", "Baseline (more channels)", "DAP (Fig 6)"],
    "table6": ["{4}", "{3, 4}", "{2, 3, 4}", "{1, 2, 3, 4}"],
}
LITERATURE = [
    "Tusimple",
    "Large_Kernel_Matters",
    "Multipath_RefineNet",
    "ResNet_38_MS_COCO",
    "PSPNet",
    "DeepLabv3",
    "SDN",
    "DeepLabv3+ (Xception)",
    "ExFuse_ResNet101",
    "ExFuse_ResNeXt131",
]
CHECK_MARKS = {  # columns Baseline, SS, LR, ECRE, SEB, DAP; ResNeXt 131, COCO, Flip
    "table3": ["x.....", "xx....", "xxx...", "xxxx..", "xxx.x.", "xxx.xx", "xxxxxx"],
    "table7": ["...", "x..", "xx.", "xxx"],
}


def test_there_are_eight_tables(paper: Spec) -> None:
    assert list(paper.tables) == list(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_value_and_what_measures_it(paper: Spec, name: str) -> None:
    table = paper.tables[name]
    assert list(table.columns) == list(PRINTED[name])
    for column, printed in PRINTED[name].items():
        cells = [row.cells[column] for row in table.rows]
        subjects = [(cell.measure.run or cell.measure.backbone) if cell.measure else None for cell in cells]
        assert list(zip([cell.paper for cell in cells], subjects, strict=True)) == printed


def test_metrics_of_the_cells(paper: Spec) -> None:
    metrics = {
        (name, column): {cell.measure.metric for row in table.rows if (cell := row.cells[column]).measure}
        for name, table in paper.tables.items()
        for column in table.columns
    }
    assert metrics.pop(("table2", "top1")) == {"top1_error"}
    assert metrics.pop(("table8", "miou")) == {"test_miou"}
    assert set(itertools.chain(*metrics.values())) == {"miou"}


def test_only_the_last_row_of_table_7_and_the_submissions_are_flipped(paper: Spec) -> None:
    flipped = [
        (name, number)
        for name, table in paper.tables.items()
        for number, row in enumerate(table.rows, 1)
        for cell in row.cells.values()
        if cell.measure and cell.measure.flip
    ]
    assert flipped == [("table7", 4), ("table8", 9), ("table8", 10)]


def test_labels(paper: Spec) -> None:
    for name, labels in LABELS.items():
        assert [row.label for row in paper.tables[name].rows] == labels
    rows = [row.label for row in paper.tables["table8"].rows]
    assert all(row.startswith(label) for row, label in zip(rows, LITERATURE, strict=True))


@pytest.mark.parametrize("name", CHECK_MARKS)
def test_check_marks(paper: Spec, name: str) -> None:
    table = paper.tables[name]
    drawn = ["".join("x" if mark in row.marks else "." for mark in table.marks) for row in table.rows]
    assert drawn == CHECK_MARKS[name]


def test_marks_of_table_3_are_the_parts_of_the_networks(paper: Spec) -> None:
    """The printed check marks and what is really built say the same."""
    for row in paper.tables["table3"].rows:
        measure = row.cells["miou"].measure
        assert measure is not None and measure.run is not None
        model = paper.model(measure.run)
        assert ("SS" in row.marks) == (model.backbone.semantic_supervision is not None)
        assert ("LR" in row.marks) == (model.backbone.blocks == (8, 8, 9, 8))
        assert ("ECRE" in row.marks) == (model.decoder.upsampling == "ecre")
        assert ("SEB" in row.marks) == model.decoder.semantic_embedding
        assert ("DAP" in row.marks) == (model.decoder.prediction == "dap")


# kind, the paper's difference in points, and the evaluations (plus − minus)
CLAIMS: dict[str, tuple[str, float | None, list[str], list[str]]] = {
    "exfuse-total": ("greater", 4.0, ["exfuse"], ["gcn-resnext101"]),
    "ss-resnet50": ("greater", 1.1, ["gcn-resnet50-ss"], ["gcn-resnet50"]),
    "ss-resnext101-tail": ("greater", 1.0, ["ss-tail"], ["gcn-resnext101"]),
    "ss-second-convolution": ("greater", 1.5, ["ss"], ["gcn-resnext101"]),
    "ss-second-convolution-over-tail": ("greater", 0.5, ["ss"], ["ss-tail"]),
    "ss-not-classification": ("not-less", 0.62, ["resnet50-ss error"], ["resnet50 error"]),
    "layer-rearrangement": ("greater", 0.8, ["ss-lr"], ["ss"]),
    "layer-rearrangement-not-classification": (
        "no-difference", None, ["resnext101-ss-lr error"], ["resnext101-ss error"],
    ),
    "ecre": ("greater", 0.5, ["ss-lr-ecre"], ["ss-lr"]),
    "ecre-supervised-deconvolution": ("not-more", -0.1, ["ss-lr-deconv-supervised"], ["ss-lr"]),
    "ecre-subpixel-only": ("less", -0.7, ["ss-lr-subpixel"], ["ss-lr"]),
    "seb": ("greater", 0.7, ["ss-lr-seb"], ["ss-lr"]),
    "dap": ("greater", 0.6, ["ss-lr-seb-dap"], ["ss-lr-seb"]),
    "dap-more-channels": ("not-more", 0.1, ["ss-lr-seb-wide"], ["ss-lr-seb"]),
    "gcn-low-levels-resnet50": ("no-difference", 0.24, ["gcn-resnet50"], ["gcn-resnet50-34"]),
    "gcn-low-levels-resnext101": ("no-difference", 0.05, ["gcn-resnext101"], ["gcn-resnext101-34"]),
    "exfuse-low-levels": ("greater", 1.35, ["exfuse"], ["exfuse-34"]),
    "fusion-enhanced": ("greater", 1.3, ["exfuse", "gcn-resnext101-34"], ["exfuse-34", "gcn-resnext101"]),
    "exfuse-level-4": ("greater", 3.5, ["exfuse-4"], ["gcn-resnext101-4"]),
    "level-4-mostly-section-3-2": (
        "greater", None, ["gcn-resnext101-ecre-dap-4"] * 2, ["gcn-resnext101-4", "exfuse-4"],
    ),
    "resnext131": ("greater", 0.8, ["exfuse-resnext131"], ["exfuse"]),
    "coco": ("greater", 4.6, ["exfuse-resnext131-coco"], ["exfuse-resnext131"]),
    "flip": ("greater", 0.4, ["exfuse-resnext131-coco flipped"], ["exfuse-resnext131-coco"]),
    "resnext101-as-resnet101": ("no-difference", 0.0, ["gcn-resnext101"], ["gcn-resnet101"]),
    "resnext101-classifies-better": ("less", -2.4, ["resnext101 error"], ["resnet101 error"]),
    "over-deeplabv3-val": ("quoted", 2.3, [], []),
    "over-deeplabv3plus-val": ("quoted", 2.3, [], []),
    "over-deeplabv3plus-test": ("quoted", 0.1, [], []),
    "over-deeplabv3-test": ("quoted", 0.5, [], []),
}  # fmt: skip


def _words(measure: Measure) -> str:
    subject = str(measure.run or measure.backbone)
    return subject + (" error" if measure.metric == "top1_error" else "") + (" flipped" if measure.flip else "")


def test_all_claims_are_there(paper: Spec) -> None:
    assert set(paper.claims) == set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claim_with_its_number_and_kind(paper: Spec, name: str) -> None:
    claim = paper.claims[name]
    found = (claim.kind, claim.paper, [_words(m) for m in claim.plus], [_words(m) for m in claim.minus])
    assert found == CLAIMS[name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("over-deeplabv3plus-test", ("87.9%", "87.8%")),
        ("over-deeplabv3-test", ("86.2%", "85.7%")),
        ("over-deeplabv3-val", ("2.3%", "DeepLabv3")),
        ("over-deeplabv3plus-val", ("2.3%", "DeepLabv3+")),
        ("resnext101-as-resnet101", ("76.0",)),
        ("resnext101-classifies-better", ("21.2%", "23.6%")),
    ],
)
def test_numbers_that_only_the_sentence_holds(paper: Spec, name: str, words: tuple[str, ...]) -> None:
    for word in words:
        assert word in paper.claims[name].text


def _printed(spec: Spec, measure: Measure) -> set[float]:
    cells = [c for table in spec.tables.values() for row in table.rows for c in row.cells.values()]
    return {cell.paper for cell in cells if cell.measure == measure}


def test_claims_are_the_differences_of_printed_cells(paper: Spec) -> None:
    """Where the tables print both sides, their difference is the claim's number; the text rounds 1.35 to about 1.3."""
    decided = 0
    for name, claim in paper.claims.items():
        sides = [_printed(paper, measure) for measure in (*claim.plus, *claim.minus)]
        if claim.kind == "quoted" or claim.paper is None or not all(sides):
            continue
        differences = [
            sum(values[: len(claim.plus)]) - sum(values[len(claim.plus) :]) for values in itertools.product(*sides)
        ]
        assert min(abs(difference - claim.paper) for difference in differences) < 0.0051, (name, differences)
        decided += 1
    assert decided == 19


def test_kinds_fit_the_papers_own_numbers(paper: Spec) -> None:
    """By the paper's own differences every claim of it holds, no-difference ones within our margins."""
    for name, claim in paper.claims.items():
        if claim.kind == "quoted" or claim.paper is None:
            continue
        holds = {
            "greater": claim.paper > 0,
            "less": claim.paper < 0,
            "no-difference": claim.margin is not None and abs(claim.paper) <= claim.margin,
            "not-less": claim.margin is not None and claim.paper >= -claim.margin,
            "not-more": claim.margin is not None and claim.paper <= claim.margin,
        }
        assert holds[claim.kind], name


def test_no_text_is_cut_by_a_comment_sign(repo_root: Path) -> None:
    """In an unquoted text " #" begins a comment: "Table 3 (#1, #7)" would end at the comma."""
    files = set((repo_root / "params").rglob("*.yaml")) - {repo_root / "params/fidelity/sentences.yaml"}
    for file in sorted(files):  # sentences.yaml quotes first words, which end anywhere
        for text in _texts(yaml.safe_load(file.read_text())):
            assert text.count("(") == text.count(")"), f"{file.name}: {text!r}"
            assert not text.endswith((",", "(", "Table")), f"{file.name}: {text!r}"


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [text for child in children for text in _texts(child)]
