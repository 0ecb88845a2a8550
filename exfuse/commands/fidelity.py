"""`exfuse fidelity`: writes docs/fidelity.md from ``params/``, or tells whether it is up to date."""

from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import read_bytes, write_text
from exfuse.inspection.costs import classifier, macs, on_meta, parameters, segmenter
from exfuse.models.backbone import Backbone
from exfuse.models.gcn import BoundaryRefinement
from exfuse.reporting.fidelity import Costs, Layout, RowCost, render
from exfuse.spec.graph.reporting import ABLATION
from exfuse.spec.load import load, sections
from exfuse.spec.model import Prediction
from exfuse.spec.references import check_references
from exfuse.spec.spec import Spec

DOCUMENT = Path("docs/fidelity.md")
PRESET = "paper"
LAYOUTS = ("resnext101", "resnext101-ss-lr", "resnext131-ss")
BASELINE, TAPPED, REARRANGED, EMBEDDED = "gcn-resnext101", "ss", "ss-lr", "ss-lr-seb"
"""Runs of Table 3 whose differences the finding names."""


def run(check: bool) -> None:
    """Writes the document, or with ``check`` only compares.

    Raises:
        UserError: a name in ``params/fidelity/`` does not exist, or, with ``check``, the document is another.
    """
    text = document(Path())
    if not check:
        write_text(DOCUMENT, text)
        print(f"{DOCUMENT}: written")
        return
    if not DOCUMENT.is_file() or read_bytes(DOCUMENT) != text.encode():
        raise UserError(f"{DOCUMENT} does not say what params/ declares. `exfuse fidelity` writes it anew.")
    print(f"{DOCUMENT}: up to date")


def document(root: Path) -> str:
    """The document's text, with what its networks cost counted anew.

    Args:
        root: the repository.

    Raises:
        UserError: ``params/`` cannot be understood, or names what does not exist.
    """
    spec = load(root, PRESET)
    section3 = sections(root)
    check_references(spec, section3)
    return render(spec, section3, measure(spec))


def measure(spec: Spec) -> Costs:
    """The costs that the finding on {8, 8, 9, 8} rests on, of the networks as the spec declares them."""
    small, large = spec.preset.pretraining.crop_size, spec.preset.fine_tuning.trainaug.crop_size
    baseline = spec.model(BASELINE)
    wide = baseline.model_copy(update={"decoder": baseline.decoder.model_copy(update={"prediction": Prediction.DAP})})
    rows = _rows(spec, large)
    backbone = segmenter(baseline).backbone
    encoder = macs(backbone, large)
    return Costs(
        layouts=tuple(_layout(spec, name, small) for name in LAYOUTS),
        identity=_identity_blocks(backbone, small),
        rows=tuple(rows.values()),
        encoder=encoder,
        decoder=rows[BASELINE].macs - encoder,
        wide_decoder=macs(segmenter(wide), large) - encoder,
        refinement=macs(on_meta(lambda: BoundaryRefinement(wide.width)), large, wide.width),
        taps=rows[TAPPED].macs - rows[BASELINE].macs,
        embedding=rows[EMBEDDED].macs - rows[REARRANGED].macs,
        channels=(baseline.width, wide.width),
    )


def _layout(spec: Spec, name: str, size: int) -> Layout:
    declared = spec.backbone(name)
    plain = classifier(declared.model_copy(update={"semantic_supervision": None}))
    supervised = None if declared.semantic_supervision is None else macs(classifier(declared), size)
    return Layout(spec.backbones[name].title, declared.blocks, parameters(plain), macs(plain, size), supervised)


def _identity_blocks(backbone: Backbone, size: int) -> tuple[int, ...]:
    """The second block of each stage, which changes no shape, on the map that it reads."""
    return tuple(
        macs(backbone.get_submodule(f"layer{level}.1"), size // 2 ** (level + 1), channels)
        for level, channels in enumerate(backbone.out_channels, start=1)
    )


def _rows(spec: Spec, size: int) -> dict[str, RowCost]:
    """The rows of Table 3 by run."""
    rows = {}
    for row in spec.tables[ABLATION].rows:
        for cell in row.cells.values():
            if cell.measure is not None and cell.measure.run is not None:
                model = segmenter(spec.model(cell.measure.run))
                cost = RowCost(row.label, row.marks, cell.paper, parameters(model), macs(model, size))
                rows[cell.measure.run] = cost
    return rows
