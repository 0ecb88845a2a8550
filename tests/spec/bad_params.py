"""Mistakes in ``params/`` by name: how each is made, and what its one sentence has to hold."""

from collections.abc import Callable

from tests.params import Params

STEPS = "fine_tuning.train.steps"
NO_MAPPING = "- just\n- a list\n"


def _write(name: str, content: str | bytes) -> Callable[[Params], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda params: params.file(name).write_bytes(data)


def _put(name: str, key: str, value: object) -> Callable[[Params], object]:
    return lambda params: params.put(name, key, value)


def _replace(name: str, old: str, new: str) -> Callable[[Params], object]:
    return lambda params: params.replace(name, old, new)


BAD_PARAMS: dict[str, tuple[Callable[[Params], object], tuple[str, ...]]] = {
    "unknown-key": (_put("presets/mini.yaml", "sedes", 1), ("mini.yaml", "unknown key 'sedes'", "'seeds'")),
    "unknown-key-below": (
        _put("presets/mini.yaml", "evaluation.boundry_width", {"value": 1.0, "source": "GCN §4.2"}),
        ("mini.yaml", "unknown key 'evaluation.boundry_width'", "'boundary_width'"),
    ),
    "unknown-key-in-an-inherited-file": (
        _put("presets/paper.yaml", "decoder.gcn_kernal", {"value": 15, "source": "GCN §4"}),
        ("paper.yaml", "unknown key 'decoder.gcn_kernal'", "'gcn_kernel'"),
    ),
    "unknown-key-shared-by-all-stages": (
        _put("presets/paper.yaml", "fine_tuning.common.optimizer.momentom", {"value": 0.9, "source": "GCN §4"}),
        ("paper.yaml", "momentom", "'momentum'"),
    ),
    "unknown-stage": (
        _put("presets/mini.yaml", "fine_tuning.trainagu", {"steps": {"value": 5, "source": "GCN §4"}}),
        ("mini.yaml", "fine_tuning.trainagu", "'trainaug'"),
    ),
    "unknown-key-of-a-backbone": (
        _put("backbones.yaml", "resnet50.bloks", [3, 4, 6, 3]),
        ("backbones.yaml", "unknown key 'resnet50.bloks'", "'blocks'"),
    ),
    "unknown-key-of-an-archive": (
        _put("datasets.yaml", "folders.official.archives.sbd.0.md6", "0"),
        ("datasets.yaml", "md6", "'md5'"),
    ),
    "unknown-key-of-a-measure": (
        _put("tables.yaml", "table7.rows.3.cells.miou.measure.flop", True),
        ("tables.yaml", "table7", "flop", "'flip'"),
    ),
    "unknown-key-of-a-source": (
        _put("presets/paper.yaml", "decoder.dap_kernel.sorce", "paper §3.2"),
        ("paper.yaml", "decoder.dap_kernel", "sorce", "'source'"),
    ),
    "unknown-key-in-config": (_write("config.yaml", "prest: mini\n"), ("config.yaml", "'prest'", "'preset'")),
    "unknown-key-in-runs": (_put("runs.yaml", "run", {}), ("runs.yaml", "'run'", "'runs'")),
    "run-in-a-table": (
        _put("tables.yaml", "table4.rows.3.cells.miou.measure.run", "ss-lr-ercе"),
        ("tables.yaml", "table4", "ECRE (Fig 5)", "miou", "unknown run", "'ss-lr-ecre'"),
    ),
    "run-in-a-claim": (
        _put("claims.yaml", "exfuse-total.minus.0.run", "gcn-resnxt101"),
        ("claims.yaml", "exfuse-total", "unknown run 'gcn-resnxt101'", "'gcn-resnext101'"),
    ),
    "backbone-in-a-claim": (
        _put("claims.yaml", "ss-not-classification.plus.0.backbone", "resnet50-s"),
        ("claims.yaml", "ss-not-classification", "unknown backbone", "'resnet50-ss'"),
    ),
    "backbone-of-a-run": (
        _put("runs.yaml", "runs.ss.backbone", "resnext101ss"),
        ("runs.yaml", "runs.ss.backbone", "unknown backbone 'resnext101ss'", "'resnext101-ss'"),
    ),
    "decoder-of-a-run": (
        _put("runs.yaml", "runs.exfuse.decoder", "exfuze"),
        ("runs.yaml", "runs.exfuse.decoder", "unknown decoder 'exfuze'", "'exfuse'"),
    ),
    "extended-run": (
        _put("runs.yaml", "runs.exfuse-resnext131-test.extends", "exfuse-resnext131-cocoa"),
        ("runs.yaml", "exfuse-resnext131-test.extends", "'exfuse-resnext131-coco'"),
    ),
    "runs-that-extend-each-other": (
        _put("runs.yaml", "runs.exfuse-resnext131-coco", {
            "title": "a loop", "source": "nowhere", "extends": "exfuse-resnext131-test", "stages": ["coco"],
        }),
        ("runs.yaml", "exfuse-resnext131-test", "extends itself"),
    ),
    "stage-that-does-not-exist": (
        _put("runs.yaml", "runs.ss.stages", ["trainog"]), ("runs.yaml", "runs.ss.stages", "trainog"),
    ),
    "stage-twice": (
        _put("runs.yaml", "runs.ss.stages", ["trainaug", "trainaug"]), ("runs.yaml", "runs.ss", "trainaug", "twice"),
    ),
    "scale-of-an-unknown-backbone": (
        _put("presets/mini.yaml", "backbones.resnet51", {"blocks": [1, 1, 1, 1]}),
        ("mini.yaml", "unknown backbone 'resnet51'", "'resnet50'"),
    ),
    "score-of-an-unknown-run": (
        _put("presets/mini.yaml", "test_server", {"exfuse-resnet101-tset": {"miou": 86.2, "key": "0"}}),
        ("mini.yaml", "test_server", "'exfuse-resnet101-test'"),
    ),
    "score-of-a-run-that-is-not-sent-in": (
        _put("presets/mini.yaml", "test_server", {"exfuse-resnet101": {"miou": 86.2, "key": "0"}}),
        ("mini.yaml", "test_server.exfuse-resnet101", "'exfuse-resnet101-test'"),
    ),
    "score-as-a-fraction-of-more-than-all": (
        _put("presets/mini.yaml", "test_server", {"exfuse-resnet101-test": {"miou": 862.0, "key": "0"}}),
        ("mini.yaml", "test_server.exfuse-resnet101-test.miou = 862.0", "100"),
    ),
    "score-without-a-key": (
        _put("presets/mini.yaml", "test_server", {"exfuse-resnet101-test": {"miou": 86.2}}),
        ("mini.yaml", "test_server.exfuse-resnet101-test.key", "missing"),
    ),
    "class-twice": (
        _put("presets/mini.yaml", "classes", ["car", "cat", "car"]), ("mini.yaml", "classes", "'car'", "twice"),
    ),
    "crop-larger-than-the-image": (
        _put("presets/mini.yaml", "pretraining.evaluation_resize.value", 39),
        ("mini.yaml", "pretraining", "evaluation_resize 39", "crop_size 40"),
    ),
    "milestones-that-descend": (
        _put("presets/mini.yaml", "pretraining.schedule.milestones", {"value": [0.6, 0.3], "source": "GCN §4"}),
        ("mini.yaml", "pretraining.schedule.milestones", "ascending", "[0.6, 0.3]"),
    ),
    "milestones-in-steps": (
        _put("presets/mini.yaml", "pretraining.schedule.milestones", {"value": [30.0, 60.0], "source": "GCN §4"}),
        ("mini.yaml", "pretraining.schedule.milestones", "between 0 and 1"),
    ),
    "milestone-at-the-end": (
        _put("presets/mini.yaml", "pretraining.schedule.milestones", {"value": [0.5, 1.0], "source": "GCN §4"}),
        ("mini.yaml", "pretraining.schedule.milestones", "between 0 and 1"),
    ),
    "division-by-zero": (
        _put("presets/paper.yaml", "normalization.std.value", [0.2, 0.0, 0.2]),
        ("paper.yaml", "normalization.std.1 = 0.0", "greater than 0"),
    ),
    "levels-of-an-extending-run": (
        _put("runs.yaml", "runs.exfuse-resnext131-test.levels", [3, 4]),
        ("runs.yaml", "runs.exfuse-resnext131-test", "`extends`", "`levels`"),
    ),
    "test-server-metric-of-a-run-on-val": (
        _put("tables.yaml", "table3.rows.0.cells.miou.measure.metric", "test_miou"),
        ("tables.yaml", "table3, row '1'", "'test_miou'", "evaluated on val", "'miou'"),
    ),
    "val-metric-of-a-run-on-test": (
        _put("claims.yaml", "coco.plus.0.run", "exfuse-resnext131-test"),
        ("claims.yaml", "coco", "'miou'", "evaluated on test", "'test_miou'"),
    ),
    "supervised-level-twice": (
        _put("presets/mini.yaml", "semantic_supervision.levels", {"value": [1, 1, 2], "source": "paper §3.1"}),
        ("mini.yaml", "semantic_supervision.levels", "without repeats", "[1, 1, 2]"),
    ),
    "no-supervised-level": (
        _put("presets/mini.yaml", "semantic_supervision.levels", {"value": [], "source": "paper §3.1"}),
        ("mini.yaml", "semantic_supervision.levels = []", "at least 1"),
    ),
    "margin-of-a-sign": (
        _put("claims.yaml", "coco.margin", 1.0), ("claims.yaml", "coco", "`margin`", "`not-less`"),
    ),
    "not-less-without-margin": (
        _put("claims.yaml", "ss-not-classification.margin", None),
        ("claims.yaml", "ss-not-classification", "`margin`", "`not-less`"),
    ),
    "class-that-voc-has-not": (
        _put("presets/mini.yaml", "classes", ["bicycle", "carr"]),
        ("mini.yaml", "classes", "unknown class 'carr'", "'car'"),
    ),
    "background-as-a-class": (
        _put("presets/mini.yaml", "classes", ["background", "car"]), ("mini.yaml", "unknown class 'background'"),
    ),
    "hard-class-that-voc-has-not": (
        _put("datasets.yaml", "hard_classes", ["stool"]), ("datasets.yaml", "hard class 'stool'"),
    ),
    "data-folder": (
        _put("presets/mini.yaml", "data", "minni"), ("mini.yaml", "unknown data folder 'minni'", "'mini'"),
    ),
    "data-folder-without-a-publisher": (
        _replace("datasets.yaml", """      imagenet:
        - {file: ILSVRC2012_img_train.tar}
        - {file: ILSVRC2012_img_val.tar}
        - {file: ILSVRC2012_devkit_t12.tar.gz}
  smoke:
""", "  smoke:\n"),
        ("datasets.yaml", "folders.mini.archives", "imagenet"),
    ),
    "preset-in-config": (_write("config.yaml", "preset: smokey\n"), ("config.yaml", "'smokey'", "'smoke'")),
    "no-preset-in-config": (_write("config.yaml", "preset: 3\n"), ("config.yaml", "preset")),
    "extended-preset": (
        _put("presets/mini.yaml", "extends", "papper"), ("mini.yaml", "extends", "'papper'", "'paper'"),
    ),
    "presets-that-extend-each-other": (
        _put("presets/paper.yaml", "extends", "mini"), ("extends itself", "mini → paper"),
    ),
    "key-twice": (
        _replace("presets/mini.yaml", "data: mini\n", "data: mini\ndata: smoke\n"),
        ("mini.yaml, line", "key 'data' stands twice"),
    ),
    "key-twice-below": (
        _replace("claims.yaml", "  paper: 4.6\n", "  paper: 4.6\n  paper: 4.7\n"), ("claims.yaml, line", "'paper'"),
    ),
    "key-that-is-a-list": (_write("tables.yaml", "[a, b]: 1\n"), ("tables.yaml", "line 1")),
    "number-as-a-key": (_write("claims.yaml", "1: {text: x}\n"), ("claims.yaml", "key 1")),
    "number-that-yaml-reads-as-text": (
        _replace("presets/mini.yaml", "boundary_width: {value: 0.875,", "boundary_width: {value: 875e-3,"),
        ("mini.yaml", "evaluation.boundary_width", "'875e-3'", "valid number"),
    ),
    "number-that-yaml-reads-as-text-inherited": (
        _replace("presets/paper.yaml", "weight_decay: {value: 5.0e-4,", "weight_decay: {value: 5e-4,"),
        ("mini.yaml",),
    ),
    "number-without-source": (
        _put("presets/mini.yaml", STEPS, 100), ("mini.yaml", "fine_tuning.train.steps", "no source"),
    ),
    "value-without-source-in-place-of-one-with": (
        _put("presets/mini.yaml", STEPS, {"value": 100}), ("mini.yaml", f"{STEPS}.source", "missing"),
    ),
    "infinite-number": (
        _put("presets/mini.yaml", "pretraining.gradient_clip", {"value": float("inf"), "source": "GCN §4"}),
        ("mini.yaml", "pretraining.gradient_clip", "finite"),
    ),
    "name-in-a-preset": (_put("presets/mini.yaml", "name", "tiny"), ("mini.yaml", "'name'", "named by its file")),
    "archive-without-a-name": (
        _put("datasets.yaml", "folders.mini.archives.sbd.0.file", ""), ("datasets.yaml", "sbd.0.file", "at least 1"),
    ),
    "unknown-whole-of-a-subset": (
        _put("datasets.yaml", "folders.subset.subset_of", "oficial"),
        ("datasets.yaml", "folders.subset.subset_of", "'official'"),
    ),
    "inherited-number-without-source": (
        _put("presets/paper.yaml", "decoder.dap_kernel", 3), ("paper.yaml", "decoder.dap_kernel", "no source"),
    ),
    "empty-source": (
        _put("presets/mini.yaml", STEPS, {"value": 100, "source": ""}), ("mini.yaml", f"{STEPS}.source"),
    ),
    "assumption-without-why": (
        _put("presets/mini.yaml", STEPS, {"value": 100, "source": "assumption"}),
        ("mini.yaml", STEPS, "an assumption needs `why`"),
    ),
    "reading-without-why": (
        _put("fidelity/parts.yaml", "input.readings.padding", {"value": "bottom", "source": "assumption"}),
        ("parts.yaml", "input.readings.padding", "needs `why`"),
    ),
    "margin-without-why": (
        _put("claims.yaml", "dap-more-channels.why_margin", ""), ("claims.yaml", "dap-more-channels", "`why_margin`"),
    ),
    "crop-size": (
        _put("presets/mini.yaml", "fine_tuning.common.crop_size", {"value": 60, "source": "GCN §4"}),
        ("mini.yaml", "crop_size", "multiple of 32", "60"),
    ),
    "wrong-type": (
        _put("presets/mini.yaml", "seeds", "one"), ("mini.yaml", "seeds = 'one'", "valid integer"),
    ),
    "float-for-a-whole-number": (_put("presets/mini.yaml", "seeds", 1.5), ("mini.yaml", "seeds = 1.5")),
    "date": (_replace("presets/mini.yaml", "data: mini\n", "data: 2018-09-08\n"), ("mini.yaml", "data", "date")),
    "out-of-range": (
        _put("presets/mini.yaml", "pretraining.optimizer.momentum.value", 1.5),
        ("mini.yaml", "pretraining.optimizer.momentum = 1.5", "less than 1"),
    ),
    "even-kernel": (
        _put("presets/mini.yaml", "decoder.gcn_kernel.value", 8), ("mini.yaml", "gcn_kernel", "odd"),
    ),
    "levels-without-the-highest": (
        _put("runs.yaml", "runs.exfuse-34.levels", [2, 3]), ("runs.yaml", "runs.exfuse-34", "hold 4"),
    ),
    "tap-without-supervision": (
        _put("runs.yaml", "runs.ss.backbone", "resnext101"), ("runs.yaml", "runs.ss", "semantic supervision"),
    ),
    "stage-without-blocks": (
        _put("presets/mini.yaml", "backbones.resnet50", {"blocks": [1, 0, 1, 1]}),
        ("mini.yaml", "backbones.resnet50.blocks.1 = 0"),
    ),
    "stage-of-a-million-blocks": (
        _put("presets/mini.yaml", "backbones.resnet50", {"blocks": {"value": [1, 10**6, 1, 1], "source": "paper"}}),
        ("mini.yaml", "backbones.resnet50.blocks.1 = 1000000", "less than or equal to 128"),
    ),
    "stage-of-a-million-planes": (
        _put("presets/mini.yaml", "backbones.resnet50", {"channels": {"value": [8, 10**6, 8, 8], "source": "paper"}}),
        ("mini.yaml", "backbones.resnet50.channels.1 = 1000000", "less than or equal to 8192"),
    ),
    "stage-without-channels": (
        _put("presets/mini.yaml", "backbones.resnet50", {"blocks": [1, 1, 1, 1], "base_width": 4}),
        ("mini.yaml", "backbones.resnet50", "no channel at base width 4"),
    ),
    "list-where-a-mapping-belongs": (
        _put("presets/mini.yaml", "evaluation", [1, 2]), ("mini.yaml", "evaluation = [1, 2]"),
    ),
    "file-that-is-a-list": (_write("claims.yaml", NO_MAPPING), ("claims.yaml", "has to be a mapping")),
    "entry-that-is-a-list": (_put("claims.yaml", "coco", [1]), ("claims.yaml", "coco", "group of settings")),
    "group-that-is-text": (_put("presets/mini.yaml", "fine_tuning", "short"), ("mini.yaml", "fine_tuning")),
    "stages-that-share-text": (
        _put("presets/mini.yaml", "fine_tuning.common", "short"), ("mini.yaml", "fine_tuning.common"),
    ),
    "missing-key": (
        _replace("presets/paper.yaml", "description: the paper's sizes on the official archives; a cluster\n", ""),
        ("paper.yaml", "'description' is missing"),
    ),
    "empty-file": (_write("claims.yaml", ""), ("claims.yaml", "has to be a mapping")),
    "no-yaml": (_write("tables.yaml", "table1: [1, 2\n"), ("tables.yaml", "line")),
    "control-character": (_write("tables.yaml", "table1: \0\n"), ("tables.yaml",)),
    "not-utf-8": (_write("claims.yaml", "coco: Größe\n".encode("latin-1")), ("claims.yaml", "not UTF-8")),
    "missing-file": (lambda params: params.file("tables.yaml").unlink(), ("tables.yaml", "No such file")),
}  # fmt: skip
