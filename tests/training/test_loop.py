"""The loop against a hand-written one, bit for bit; optimizers, clipping, frozen batch norm, curves."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.spec.settings import Optimizer, Schedule
from exfuse.training.batch_norm import freeze_batch_norm
from exfuse.training.history import History
from exfuse.training.loop import Course, build_optimizer, train
from exfuse.training.losses import Losses
from tests.training.conftest import Batches, Points

MakeCourse = Callable[..., Course]


def _train(model: nn.Module, batches: Batches, course: Course) -> History:
    return train(model, lambda first: batches[first:], Points(model), course)


def _bits(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_sgd_equals_a_loop_written_out(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    """Momentum, decay and the falling rate as in their formulas: v ← 0.9·v + (g + 1e-3·w), w ← w − rate·v."""
    reference = deepcopy(model)
    velocity: dict[str, Tensor] = {}
    for step, (points, labels) in enumerate(batches):
        reference.zero_grad()
        functional.cross_entropy(reference(points), labels).backward()
        rate = 0.1 * (1 - step / 10) ** 0.9
        with torch.no_grad():
            for name, weight in reference.named_parameters():
                assert weight.grad is not None
                gradient = weight.grad + 1e-3 * weight
                velocity[name] = gradient if step == 0 else 0.9 * velocity[name] + gradient
                weight.sub_(rate * velocity[name])
    _train(model, batches, course())
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight, reference.get_parameter(name), rtol=1e-6, atol=1e-7)


def test_adamw_with_clipping_equals_pytorchs_loop_bit_for_bit(
    model: nn.Module, batches: Batches, course: MakeCourse
) -> None:
    reference = deepcopy(model)
    optimizer = torch.optim.AdamW(reference.parameters(), 0.01, betas=(0.8, 0.999), weight_decay=0.05, fused=True)
    for points, labels in batches:
        optimizer.zero_grad()
        functional.cross_entropy(reference(points), labels).backward()
        nn.utils.clip_grad_norm_(reference.parameters(), 0.1, foreach=True)
        optimizer.step()
    constant = Schedule(name="step")
    settings = Optimizer(name="adamw", learning_rate=0.01, momentum=0.8, weight_decay=0.05)
    _train(model, batches, course(optimizer=settings, schedule=constant, gradient_clip=0.1))
    assert _equal(_bits(model), _bits(reference))


def test_equal_weights_and_batches_give_equal_bits(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    other = deepcopy(model)
    before = _bits(model)
    _train(model, batches, course())
    _train(other, batches, course())
    assert _equal(_bits(model), _bits(other))
    assert not _equal(_bits(model), before)


def test_clipping_bounds_a_steps_length(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    """One step of plain SGD at rate 1 moves the weights by the clipped gradient's norm."""
    plain = Optimizer(name="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0)
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    _train(model, batches[:1], course(steps=1, optimizer=plain, gradient_clip=1e-3))
    moved = nn.utils.parameters_to_vector(model.parameters()).detach() - before
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_the_loss_falls(model: nn.Module, batches: Batches, course: MakeCourse, tmp_path: Path) -> None:
    history = _train(model, batches * 10, course(steps=100))
    history.write(tmp_path / "history.csv")
    rows = read_csv(tmp_path / "history.csv")
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])


def test_progress_shows_title_loss_rate_and_time_left(
    model: nn.Module, batches: Batches, course: MakeCourse, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(model, batches, course(title="gcn-resnet50 trainaug"))
    shown = capsys.readouterr().err
    for word in ("gcn-resnet50 trainaug", "10/10", "loss=", "rate=", "step"):
        assert word in shown


def test_a_loss_that_is_no_number_ends_the_training(batches: Batches, course: MakeCourse) -> None:
    model = nn.Linear(2, 2)
    torch.nn.init.constant_(model.weight, float("nan"))
    with pytest.raises(UserError, match=r"a training: the loss is nan at step 1, learning rate 0\.1\. Lower"):
        _train(model, batches, course())


def test_a_rate_that_is_too_high_ends_the_training(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    wild = Optimizer(name="sgd", learning_rate=1e30, momentum=0.9, weight_decay=0.0)
    with pytest.raises(UserError, match="Lower the learning rate in the preset"):
        _train(model, batches, course(optimizer=wild))


def test_memory_that_does_not_suffice_is_said(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    class TooLarge(Points):
        def losses(self, points: Tensor, labels: Tensor, count: Tensor) -> Losses:
            torch.empty(1 << 60)  # torch's own error
            return super().losses(points, labels, count)

    with pytest.raises(UserError, match=r"does not suffice for 4 images at once\. Lower `micro_batch` in the preset"):
        train(model, lambda first: batches, TooLarge(model), course(micro_batch=4))


def test_other_errors_of_torch_stay_what_they_are(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    wrong = [(points[:, :1], labels) for points, labels in batches]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        _train(model, wrong, course())


def test_micro_batches_add_up_where_no_norm_mixes_images(batches: Batches, course: MakeCourse) -> None:
    """In parts of 4 the weights are those of whole batches, up to the order of sums."""
    torch.manual_seed(3)
    whole = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    parts = deepcopy(whole)
    _train(whole, batches, course())
    _train(parts, batches, course(micro_batch=4))
    for name, weight in whole.named_parameters():
        torch.testing.assert_close(parts.get_parameter(name), weight, rtol=1e-5, atol=1e-6)


# --- optimizers ---


def test_build_optimizer_sgd() -> None:
    model = nn.Linear(2, 2)
    optimizer = build_optimizer(model, Optimizer(name="sgd", learning_rate=0.1, momentum=0.99, weight_decay=5e-4))
    assert isinstance(optimizer, torch.optim.SGD)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (0.1, 0.99, 5e-4, False)


def test_build_optimizer_adamw() -> None:
    model = nn.Linear(2, 2)
    optimizer = build_optimizer(model, Optimizer(name="adamw", learning_rate=2e-3, momentum=0.9, weight_decay=1e-2))
    assert isinstance(optimizer, torch.optim.AdamW)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-3, (0.9, 0.999), 1e-2)


def test_build_optimizer_leaves_out_what_is_not_trained(model: nn.Module) -> None:
    freeze_batch_norm(model)
    optimizer = build_optimizer(model, Optimizer(name="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.1))
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in held}
    assert names == {"0.weight", "0.bias", "3.weight", "3.bias"}


# --- frozen batch norm (paper §4) ---


def test_frozen_batch_norm_moves_in_nothing(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    """Weight decay too would move its weights, were they left in the optimizer."""
    freeze_batch_norm(model)
    before = _bits(model)
    _train(model, batches, course())
    after = _bits(model)
    norm = [name for name in before if name.startswith("1.")]
    assert sorted(norm) == ["1.bias", "1.num_batches_tracked", "1.running_mean", "1.running_var", "1.weight"]
    assert all(torch.equal(before[name], after[name]) for name in norm)
    assert not torch.equal(before["0.weight"], after["0.weight"])


def test_batch_norm_that_is_not_frozen_moves(model: nn.Module, batches: Batches, course: MakeCourse) -> None:
    before = _bits(model)
    _train(model, batches, course())
    assert not any(
        torch.equal(before[f"1.{name}"], model.state_dict()[f"1.{name}"]) for name in ("weight", "running_mean")
    )


def test_frozen_batch_norm_uses_its_statistics(model: nn.Module) -> None:
    """The output for a point no longer depends on the rest of the batch."""
    freeze_batch_norm(model)
    points = torch.randn(8, 2)
    torch.testing.assert_close(model(points)[:3], model(points[:3]))


# --- learning curves ---


def _add(history: History, losses: list[float]) -> list[dict[str, float] | None]:
    return [history.add(0.1, {"loss": torch.tensor(loss)}) for loss in losses]


def test_history_holds_means_of_stretches_and_of_the_rest(tmp_path: Path) -> None:
    """125 steps: stretches of 2, then the last step alone."""
    history = History(125)
    means = _add(history, [float(step) for step in range(125)])
    assert means[0] is None
    assert means[1] == {"loss": 0.5}
    assert means[123] == {"loss": 122.5}
    assert means[124] == {"loss": 124.0}
    history.write(tmp_path / "history.csv")
    rows = read_csv(tmp_path / "history.csv")
    assert len(rows) == 63
    assert rows[0] == {"step": "2", "learning_rate": "0.1", "loss": "0.500000"}
    assert rows[-1] == {"step": "125", "learning_rate": "0.1", "loss": "124.000000"}


@pytest.mark.parametrize(("steps", "rows"), [(1, 1), (49, 49), (50, 50), (1000, 50), (450360, None)])
def test_history_is_short(steps: int, rows: int | None, tmp_path: Path) -> None:
    if rows is None:
        assert History(steps)._interval == 9007
        return
    history = History(steps)
    _add(history, [1.0] * steps)
    history.write(tmp_path / "history.csv")
    assert len(read_csv(tmp_path / "history.csv")) == rows


def test_history_keeps_no_graph() -> None:
    history = History(1000)
    loss = torch.ones(1, requires_grad=True).sum()
    history.add(0.1, {"loss": loss})
    assert not history._pending[0]["loss"].requires_grad


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_history_refuses_what_is_no_number(bad: float) -> None:
    history = History(100)
    assert history.add(0.5, {"loss": torch.tensor(1.0)}) is None
    with pytest.raises(FloatingPointError, match=r"at step 2, learning rate 0\.25"):
        history.add(0.25, {"loss": torch.tensor(bad)})


def test_a_long_training_is_looked_at_between_its_rows() -> None:
    """450,360 steps have a row each 9,007; a NaN is not trained on for that long."""
    history = History(450360)
    means = _add(history, [1.0] * 150)
    assert [step + 1 for step, value in enumerate(means) if value is not None] == [100]
    history.add(0.2, {"loss": torch.tensor(float("nan"))})
    for _ in range(151, 199):
        history.add(0.1, {"loss": torch.tensor(1.0)})
    with pytest.raises(FloatingPointError, match=r"nan at step 151, learning rate 0\.2"):
        history.add(0.1, {"loss": torch.tensor(1.0)})


def test_an_empty_history_is_a_header(tmp_path: Path) -> None:
    """Public weights have no curve of ours."""
    History(0).write(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "step,learning_rate,loss,main\n"
