"""The matrix product: any shape around its tiles, any strides, the same bits for any threads."""

import numpy as np
import pytest

from layerwise._kernels import _product

# Panels and blocks of src/linear/product.c end at 8 | 16, 120 and 256: one below, at, and above
# each of them. Rows are taken by up to 12, in heights that depend on how many are left.
EDGES = [1, 5, 6, 7, 8, 9, 15, 16, 17, 119, 120, 121, 255, 256, 257]
SHAPES = (
    [(height, 33, 23) for height in range(1, 30)]
    + [(edge, 19, 23) for edge in EDGES]
    + [(7, edge, 23) for edge in EDGES]
    + [(7, 19, edge) for edge in EDGES]
    + [(121, 17, 257), (120, 16, 256), (1, 1, 1), (241, 33, 513)]
)
DTYPES = [np.float32, np.float64]


def product(a, b, *, start=None, scale=1.0, n_threads=1):
    c = np.full((a.shape[0], b.shape[1]), np.nan, dtype=a.dtype)
    start = c[:0] if start is None else np.broadcast_to(start, c.shape)
    assert _product.product(a, b, start, scale, n_threads, c) == 0
    return c


def matrices(m, n, depth, dtype):
    rng = np.random.default_rng(m * 1009 + n * 31 + depth)
    return rng.normal(size=(m, depth)).astype(dtype), rng.normal(size=(depth, n)).astype(dtype)


def bound(a, b, dtype):
    """The classical bound of a dot product's error, depth * eps * |a| |b|, over two.

    Over two, because eps is twice the unit roundoff. Two operations are added for scale and start.
    """
    a, b = np.abs(a.astype(np.float64)), np.abs(b.astype(np.float64))
    return (a.shape[1] + 2) * np.finfo(dtype).eps / 2 * (a @ b + 10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n", "depth"), SHAPES)
def test_product_is_right_at_tile_edges(m, n, depth, dtype):
    a, b = matrices(m, n, depth, dtype)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    assert np.all(np.abs(product(a, b) - exact) <= bound(a, b, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n", "depth"), [(121, 17, 257), (6, 15, 7), (1, 33, 3)])
def test_strides_do_not_change_a_bit(m, n, depth, dtype):
    a, b = matrices(m, n, depth, dtype)
    plain = product(a, b)
    transposed = product(np.asfortranarray(a), np.asfortranarray(b))
    spread = np.zeros((2 * m, 3 * depth), dtype=dtype)
    spread[::2, ::3] = a
    backward = np.ascontiguousarray(b[::-1, ::-1])[::-1, ::-1]
    assert np.array_equal(plain, transposed)
    assert np.array_equal(plain, product(spread[::2, ::3], b))
    assert np.array_equal(plain, product(a, backward))


@pytest.mark.parametrize("dtype", DTYPES)
def test_scale_and_start(dtype):
    a, b = matrices(13, 21, 300, dtype)
    rng = np.random.default_rng(11)
    bias, whole = rng.normal(size=21).astype(dtype), rng.normal(size=(13, 21)).astype(dtype)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    for start in (bias, whole):
        got = product(a, b, start=start, scale=-0.25)
        assert np.all(np.abs(got - (start - exact / 4)) <= bound(a, b, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_of_nothing_is_the_start(dtype):
    a, b = np.empty((13, 0), dtype), np.empty((0, 21), dtype)
    start = np.arange(21, dtype=dtype)
    assert np.array_equal(product(a, b), np.zeros((13, 21)))
    assert np.array_equal(product(a, b, start=start, scale=2.0), np.tile(start, (13, 1)))
    c = np.tile(start, (13, 1))
    _product.product(a, b, c, 1.0, 1, c)
    assert np.array_equal(c, np.tile(start, (13, 1)))


def test_accumulating_in_place_equals_a_start_beside():
    a, b = matrices(130, 37, 41, np.float64)
    c = product(a, b)
    beside = product(a, b, start=c, scale=0.5)
    _product.product(a, b, c, 0.5, 1, c)
    assert np.array_equal(c, beside)


def test_a_sum_over_nothing_is_the_start():
    empty = np.empty((3, 0))
    assert np.array_equal(product(empty, empty.T), np.zeros((3, 3)))
    assert np.array_equal(product(empty, empty.T, start=np.arange(3.0)), [[0, 1, 2]] * 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n", "depth"), [(7, 19, 23), (121, 17, 257), (300, 100, 40)])
def test_bits_do_not_depend_on_threads(m, n, depth, dtype):
    a, b = matrices(m, n, depth, dtype)
    one = product(a, b)
    for n_threads in (2, 3, 5):
        assert np.array_equal(one, product(a, b, n_threads=n_threads))


def test_read_only_input_is_taken_and_left():
    a, b = matrices(9, 9, 9, np.float64)
    before = a.copy(), b.copy()
    a.flags.writeable = b.flags.writeable = False
    product(a, b)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.3])
def test_what_is_left_out_where_rows_are_zero_changes_no_bit(density, order, dtype):
    # Zeros are looked for where c has 8 panels or more, in 1024 columns of a. Rows are summed by
    # up to 12: beside a row without zeros nothing of theirs is left out.
    a, b = matrices(132, 259, 1100, dtype)
    rng = np.random.default_rng(int(100 * density))
    a[rng.random(a.shape) >= density] = 0
    a[:, :96] = 0
    full = a.copy()
    full[::4] = rng.normal(size=full[::4].shape)
    sparse, beside = (product(np.asarray(each, order=order), b) for each in (a, full))
    others = np.arange(132) % 4 > 0
    assert np.array_equal(sparse[others], beside[others])
    assert np.all(np.abs(sparse - a.astype(np.longdouble) @ b) <= bound(a, b, dtype))
    assert np.array_equal(sparse, product(np.asarray(a, order=order), b, n_threads=3))


@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_that_are_none_are_not_left_out(order):
    a, b = np.zeros((12, 300), order=order), np.ones((300, 259))
    a[3, 65] = np.nan
    c = product(a, b)
    assert np.isnan(c[3]).all()
    assert np.all(np.delete(c, 3, axis=0) == 0)
