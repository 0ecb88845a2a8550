"""A reproduction whose names, captions and classes hold markup, quotes, Chinese and two hundred letters."""

import dataclasses

from exfuse.spec.base import LedgerEntry
from exfuse.spec.datasets import VOC_CLASSES, Folder
from exfuse.spec.fidelity import Fidelity, Part
from exfuse.spec.own import OwnData
from exfuse.spec.spec import Spec

HOSTILE = "<script>alert('1')</script> & \"quotes\" 标签 " + "x" * 200


def hostile(spec: Spec) -> Spec:
    """The same declarations with such words wherever a page shows one."""
    table = spec.tables["table3"]
    row = table.rows[0].model_copy(update={"label": HOSTILE})
    return dataclasses.replace(
        spec,
        preset=spec.preset.model_copy(update={"description": HOSTILE, "caveat": HOSTILE, "backbone_weights": "random"}),
        tables={**spec.tables, "table3": table.model_copy(update={"caption": HOSTILE, "rows": (row, *table.rows[1:])})},
        claims={name: claim.model_copy(update={"text": HOSTILE}) for name, claim in spec.claims.items()},
        runs={name: run.model_copy(update={"title": HOSTILE}) for name, run in spec.runs.items()},
        datasets=spec.datasets.model_copy(update={"folders": {spec.preset.data: _folder(spec.folder)}}),
        ledger=(LedgerEntry(path=HOSTILE, value=HOSTILE, source="assumption", why=HOSTILE),),
        fidelity=_fidelity(spec.fidelity),
    )


def _folder(folder: Folder) -> Folder:
    own = OwnData(classes=tuple(HOSTILE if name == "cat" else name for name in VOC_CLASSES))
    return folder.model_copy(update={"title": HOSTILE, "generated": None, "archives": {}, "own": own})


def _fidelity(fidelity: Fidelity) -> Fidelity:
    reading = {"value": HOSTILE, "source": "assumption", "why": HOSTILE, "alternative": HOSTILE}
    part = Part.model_validate(
        {
            "title": HOSTILE,
            "paper": ({"where": HOSTILE, "prints": HOSTILE},),
            "gcn": HOSTILE,
            "readings": {HOSTILE: reading},
            "hyperparameters": (HOSTILE,),
            "code": (HOSTILE,),
            "tests": (HOSTILE,),
        }
    )
    return Fidelity(parts={HOSTILE: part}, hyperparameters=fidelity.hyperparameters)
