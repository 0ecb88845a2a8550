"""The order of samples: permutations, resumption, independence."""

import numpy as np
import pytest

from exfuse.data.sampling import StepSampler, augmentation_generator, consecutive_batches


@pytest.mark.parametrize(("length", "batch_size"), [(10, 3), (7, 7), (3, 8), (1, 4), (100, 1)])
def test_every_epoch_is_a_permutation_and_no_batch_is_short(length: int, batch_size: int) -> None:
    steps = -(-5 * length // batch_size)
    batches = list(StepSampler(length, batch_size, 0, 0, steps))
    assert len(batches) == steps and {len(batch) for batch in batches} == {batch_size}
    drawn = [sample for batch in batches for sample in batch]
    for epoch in range(5):
        positions = drawn[epoch * length : (epoch + 1) * length]
        assert {number for number, _ in positions} == {epoch}
        assert sorted(index for _, index in positions) == list(range(length))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        batches = list(StepSampler(20, 20, seed, epoch, epoch + 1))
        return tuple(index for _, index in batches[0])

    assert len({order(seed, epoch) for seed in range(4) for epoch in range(4)}) == 16


@pytest.mark.parametrize("first_step", [0, 1, 6, 7, 23, 39, 40])
def test_a_resumed_training_sees_the_tail_of_the_undisturbed_one(first_step: int) -> None:
    undisturbed = list(StepSampler(13, 4, 5, 0, 40))
    resumed = StepSampler(13, 4, 5, first_step, 40)
    assert list(resumed) == undisturbed[first_step:]
    assert len(resumed) == 40 - first_step


def test_the_length_of_the_training_does_not_change_its_start() -> None:
    assert list(StepSampler(13, 4, 5, 0, 40))[:9] == list(StepSampler(13, 4, 5, 0, 9))


@pytest.mark.parametrize(("length", "batch_size"), [(0, 4), (4, 0)])
def test_nothing_to_draw_is_refused(length: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        StepSampler(length, batch_size, 0, 0, 1)


def test_augmentations_differ_by_seed_epoch_and_index_and_from_the_order() -> None:
    keys = [(seed, epoch, index) for seed in range(3) for epoch in range(3) for index in range(3)]
    draws = {augmentation_generator(*key).random() for key in keys}
    orders = {np.random.default_rng([1, seed, epoch]).random() for seed in range(3) for epoch in range(3)}
    assert len(draws | orders) == len(keys) + 9
    assert augmentation_generator(1, 2, 3).random() == augmentation_generator(1, 2, 3).random()


def test_consecutive_batches_hold_everything_once_in_order() -> None:
    assert consecutive_batches([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
