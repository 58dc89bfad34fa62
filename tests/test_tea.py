"""Tea is what the paper says it is."""

import numpy as np
import pytest

from layerwise.datasets import load_tea
from layerwise.datasets.splits import thirds


def containers(images):
    """Yield the pot and the five cups of all images."""
    yield images[:, :, :5]
    for cup in range(5):
        yield images[:, 2 * cup : 2 * cup + 2, 5:]


def test_there_are_3_to_the_5_different_images_of_50_ones():
    tea = load_tea()
    assert tea.images.shape == (243, 10, 10)
    assert len(np.unique(tea.data, axis=0)) == 243
    assert set(np.unique(tea.data)) == {0.0, 1.0}
    np.testing.assert_array_equal(tea.data.sum(axis=1), 50)
    np.testing.assert_array_equal(tea.images.reshape(243, 100), tea.data)
    assert tea.data.dtype == tea.images.dtype == np.float64


def test_liquid_lies_at_the_bottom_of_each_container():
    for container in containers(load_tea().images):
        np.testing.assert_array_equal(container, container[:, :, :1].repeat(5, axis=2))
        assert np.all(np.diff(container, axis=1) >= 0)


def test_each_cup_holds_each_amount_in_a_third_of_the_images():
    _, *cups = containers(load_tea().images)
    for cup in cups:
        rows = cup[:, :, 0].sum(axis=1)
        assert [np.sum(rows == n) for n in range(3)] == [81, 81, 81]


def test_the_split_is_disjoint_and_complete():
    tea = load_tea(random_state=17)
    parts = [tea.train, tea.valid, tea.test]
    assert [part.shape for part in parts] == [(81, 100)] * 3
    np.testing.assert_array_equal(
        np.unique(np.concatenate(parts), axis=0), np.unique(tea.data, axis=0)
    )


def test_the_split_is_the_documented_permutation():
    tea = load_tea(random_state=17)
    order = np.random.RandomState(17).permutation(243)
    np.testing.assert_array_equal(tea.train, tea.data[order[:81]])
    np.testing.assert_array_equal(tea.valid, tea.data[order[81:162]])
    np.testing.assert_array_equal(tea.test, tea.data[order[162:]])


def test_the_default_split_is_the_same_each_time_and_another_seed_gives_another():
    np.testing.assert_array_equal(load_tea().train, load_tea().train)
    assert not np.array_equal(load_tea().train, load_tea(random_state=17).train)


def test_names_and_description():
    tea = load_tea()
    assert len(tea.feature_names) == tea.data.shape[1]
    assert tea.feature_names[23] == "pixel_2_3"
    assert "3**5 = 243" in tea.DESCR


@pytest.mark.parametrize(("n", "sizes"), [(3, (1, 1, 1)), (4, (1, 1, 2)), (11, (3, 3, 5))])
def test_thirds_lose_no_row(n, sizes):
    parts = thirds(np.arange(n), 17)
    assert tuple(len(part) for part in parts) == sizes
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))
