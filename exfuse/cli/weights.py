"""What people do with trained weights: a file and their own images are enough; nothing here reads ``params/``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer()


def _place(text: str) -> Path:
    """A path that a person named; of an empty one Python makes the current folder."""
    if not text:
        raise typer.BadParameter("it is empty.")
    return Path(text)


Weights = Annotated[Path, typer.Argument(help="A `weights.safetensors` of a trained run.", metavar="WEIGHTS")]
Flip = Annotated[bool, typer.Option("--flip", help="Average with the mirrored image, as the paper does.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where the network runs; auto: a GPU if there is one.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


@app.command()
def predict(
    weights: Weights,
    photos: Annotated[list[str], typer.Argument(help="Images, folders of images, or patterns.", metavar="PHOTO...")],
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=_place, metavar="DIR", help="Folder for the results.")
    ] = Path("predictions"),
    flip: Flip = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also show the classes over the photograph.")] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Segment photographs."""
    from exfuse.commands import predict as command

    command.run(weights, photos, output, flip=flip, overlay=overlay, overwrite=overwrite, device=device)


@app.command()
def evaluate(
    weights: Weights,
    data: Annotated[
        Path,
        typer.Argument(help="Folder with `images` and `masks`, a `VOC2012` folder, or a set's table.", metavar="DATA"),
    ],
    split: Annotated[str | None, typer.Option("--set", help="A list of VOC's; else val.")] = None,
    flip: Flip = False,
    boundary_width: Annotated[
        float | None,
        typer.Option(help="Pixels to a boundary that count as one; else as the preset has it that trained."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Score weights on images with label masks."""
    from exfuse.commands import evaluate as command

    command.run(
        weights, data, split=split, flip=flip, boundary_width=boundary_width, json_file=json_file,
        overwrite=overwrite, device=device,
    )  # fmt: skip


@app.command()
def export(
    weights: Weights,
    format: Annotated[Literal["onnx", "torch-export"], typer.Option(help="What to write.")] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", parser=_place, metavar="FILE", help="An .onnx or .pt2; else beside the weights."
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Height×width of the images; else any that prediction does not cut into tiles.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a network for other programs, and check it against this one."""
    from exfuse.commands import export as command

    command.run(weights, format, output, size, overwrite)


@app.command()
def info(
    weights: Weights, as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False
) -> None:
    """Say what a file of weights holds and where it comes from."""
    from exfuse.commands import info as command

    command.run(weights, as_json=as_json)
