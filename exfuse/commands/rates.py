"""`exfuse plan --measure`: how fast this machine trains a preset's networks, with as many at once as a run has."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exfuse.commands.gpus import visible_gpus
from exfuse.data.parallel import ordered_map
from exfuse.data.progress import Progress, say
from exfuse.errors import UserError
from exfuse.planning.demands import Course, demands
from exfuse.planning.machine import usable_cores
from exfuse.planning.measured import Measurement, rates_file, read_measurement, write_measurement
from exfuse.planning.rates import Measured
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Hardware

ROUNDS = 2
"""Through all networks: a slow minute of the machine is then not all that is known of some of them."""
STARTS = {
    False: "from exfuse.cli import program; program.load(program.Path(), {preset!r})",
    True: "from exfuse.commands import finetune, pretrain; pretrain.Graph; from exfuse.spec import load; "
    "load.load(load.Path(), {preset!r})",
}
"""What a job does before its work, by whether it needs torch."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one worker times."""

    course: Course
    hardware: Hardware


def measure(graph: Graph, needed: Iterable[str], *, only_missing: bool = False) -> None:
    """Times every network of the preset and keeps the rates.

    Args:
        graph: its trainings are timed.
        needed: keys of the networks whose rates are wanted.
        only_missing: whether nothing is done where these are known, and where they cannot be measured.

    Raises:
        UserError: the preset is not for this machine, or the file cannot be written.
    """
    reason = why_not(graph)
    if only_missing:
        known = read_measurement(graph.spec.root, graph.spec.preset.hardware)
        if reason is not None:
            say(f"no rates are measured: {reason}")
            return
        if known is not None and known.covers(needed):
            say(f"rates were measured on {known.when}")
            return
    elif reason is not None:
        raise UserError(f"{reason} Plan with `--device`, or measure where it will run.")
    hardware = graph.spec.preset.hardware
    courses = {demand.course.subject.key: demand.course for demand in demands(graph) if demand.course}
    cores = not _on_gpu(hardware)
    processes = max(1, usable_cores() // hardware.threads) if cores else 1
    say(f"timing {len(courses)} networks, {processes} at once")
    began = time.monotonic()
    parts, passes = _rounds(courses, hardware, processes)
    plain, torch = (_start_seconds(graph.spec.preset.name, program, processes) for program in (False, True))
    found = Measurement(
        device=_words(hardware), cores=cores, side_by_side=processes, when=time.strftime("%Y-%m-%d %H:%M"),
        rates=Measured(parts, passes, (plain, torch), hardware.threads),
    )  # fmt: skip
    write_measurement(graph.spec.root, hardware, found)
    say(f"timed in {time.monotonic() - began:.0f} s, kept in {rates_file(graph.spec.root, hardware)}")


def _rounds(
    courses: Mapping[str, Course], hardware: Hardware, processes: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of parts and of passes, means of all rounds."""
    keys = [*courses] * ROUNDS
    asked = [Asked(courses[key], hardware) for key in keys]
    parts, passes = dict.fromkeys(courses, 0.0), dict.fromkeys(courses, 0.0)
    with Progress("time", "networks") as display:
        for number, (key, timed) in enumerate(zip(keys, ordered_map(time_one, asked, processes), strict=True), start=1):
            parts[key] += timed[0] / ROUNDS
            passes[key] += timed[1] / ROUNDS
            display.show(number, len(keys))
    return parts, passes


def why_not(graph: Graph) -> str | None:
    """Why a preset's networks are not timed on this machine; none where they are."""
    hardware = graph.spec.preset.hardware
    if hardware.device == "cpu" or _on_gpu(hardware):
        return None
    return f"preset '{graph.spec.preset.name}' is for GPUs, and there is none here."


def time_one(asked: Asked) -> tuple[float, float]:
    """Seconds of a network's micro-batch in training, and of an image at evaluation, in a process of its own."""
    from exfuse.inspection.timing import time_network
    from exfuse.training.device import prepare

    device = prepare(asked.hardware, 0)
    timed = time_network(asked.course, device, loads=asked.hardware.workers == 0)
    return timed.part, timed.image


def _on_gpu(hardware: Hardware) -> bool:
    return hardware.device != "cpu" and bool(visible_gpus())


def _words(hardware: Hardware) -> str:
    """The device as a person knows it."""
    if _on_gpu(hardware):
        import torch

        return torch.cuda.get_device_name()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        model = ""
    return f"core of {model or 'this processor'}"


def _start_seconds(preset: str, torch: bool, processes: int) -> float:
    """The processor's time of what a job does before its work, with as many at once as there will be.

    Raises:
        UserError: a process that should only have started failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", STARTS[torch].format(preset=preset)]
    started = [subprocess.Popen(command) for _ in range(processes)]
    codes = [process.wait() for process in started]
    if any(codes):
        raise UserError(
            f"what a job takes to start cannot be timed: a process ended with exit code {next(filter(None, codes))} "
            "after what it says above. Mend that, or plan with `--device`."
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / processes
