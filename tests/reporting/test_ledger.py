"""The ledger's lines: stages with one value joined, and what the papers say beside every value."""

import dataclasses

from exfuse.reporting.ledger import hyperparameters, ledger_lines
from exfuse.spec.base import LedgerEntry


def test_ledger_joins_stages_and_splits_assumptions():
    def entry(path, value, source):
        return LedgerEntry(path=path, value=value, source=source, why="w" if source == "assumption" else "")

    entries = (
        entry("fine_tuning.coco.batch_size", 8, "assumption"),
        entry("fine_tuning.train.batch_size", 8, "assumption"),
        entry("fine_tuning.train.steps", None, "GCN §4"),
        entry("decoder.gcn_kernel", 15, "GCN §4"),
    )
    assert [(line.path, line.stages, line.value, line.assumed) for line in ledger_lines(entries)] == [
        ("fine_tuning.batch_size", "coco, train", "8", True),
        ("fine_tuning.steps", "train", "none", False),
        ("decoder.gcn_kernel", "", "15", False),
    ]


def test_values_of_one_path_stand_together_with_what_the_papers_say(mini):
    ledger = (
        LedgerEntry(path="fine_tuning.coco.batch_norm", value="train", source="assumption", why="w"),
        LedgerEntry(path="decoder.gcn_kernel", value=7, source="assumption", why="w"),
        LedgerEntry(path="fine_tuning.trainval.batch_norm", value="frozen", source="paper §4"),
        LedgerEntry(path="backbones.common.stem_width", value=16, source="assumption", why="w"),
    )
    norm, kernel, stem = hyperparameters(dataclasses.replace(mini, ledger=ledger))
    assert [(line.stages, line.value) for line in norm.values] == [("coco", "train"), ("trainval", "frozen")]
    assert norm.assumed
    assert norm.paper[0].says == "we then freeze the batch normalization parameters"
    assert kernel.gcn.startswith("k = 15")
    assert (stem.path, stem.paper, stem.gcn) == ("backbones.common.stem_width", (), "")
