"""Where everything lies: one place for the paths below ``results/<preset>/``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one preset's results, relative to the repository's root (or absolute, if ``root`` is)."""

    preset: str
    root: Path = Path()

    @property
    def base(self) -> Path:
        """All that this preset makes."""
        return self.root / "results" / self.preset

    @property
    def data(self) -> Path:
        """Prepared data."""
        return self.base / "data"

    def publisher(self, name: str) -> Path:
        """A publisher's prepared data."""
        return self.data / name

    def set(self, name: str) -> Path:
        """The index table of a set of labelled (or test) images."""
        return self.data / "sets" / f"{name}.csv"

    def backbone(self, name: str) -> Path:
        """A pretrained backbone."""
        return self.base / "backbones" / name

    def stage(self, run: str, seed: int, stage: str) -> Path:
        """A fine-tuned stage."""
        return self.base / "runs" / run / f"seed{seed}" / stage

    def table(self, name: str, suffix: str = "csv") -> Path:
        """A table of the paper."""
        return self.base / "tables" / f"{name}.{suffix}"

    def figure(self, name: str, suffix: str = "svg") -> Path:
        """A figure."""
        return self.base / "figures" / f"{name}.{suffix}"

    @property
    def gallery(self) -> Path:
        """Images that a rule chose, with what GCN and ExFuse made of them."""
        return self.base / "figures" / "gallery.json"

    @property
    def architecture(self) -> Path:
        """What ExFuse is made of, as traced from it."""
        return self.base / "models" / "architecture.json"

    @property
    def costs(self) -> Path:
        """Parameters and operations of all networks."""
        return self.base / "models" / "costs.json"

    @property
    def probes(self) -> Path:
        """What the features of trained networks carry (Figure 1)."""
        return self.base / "models" / "probes.json"

    @property
    def claims(self) -> Path:
        """The paper's claims against what was measured."""
        return self.base / "claims.csv"

    @property
    def report(self) -> Path:
        """The report."""
        return self.base / "report" / "index.html"

    @property
    def crate(self) -> Path:
        """The metadata of the RO-Crate that the folder of results is."""
        return self.base / "ro-crate-metadata.json"

    def source(self, name: str) -> Path:
        """The crate's copy of a source of the workflow, named as in the repository."""
        return self.base / "source" / name

    def state(self, job: str) -> Path:
        """What a job keeps for itself; no result, nobody depends on it."""
        return self.base / "state" / job

    def training(self, job: str) -> Path:
        """Where a job's training saves itself; scores of the job's evaluation lie beside it."""
        return self.state(job) / "training"

    def lock(self, job: str) -> Path:
        """The file that a process locks while it works on a job."""
        return self.root / ".exfuse" / "locks" / self.preset / f"{job}.lock"

    def log(self, job: str) -> Path:
        """A job's messages."""
        return self.base / "logs" / f"{job}.log"
