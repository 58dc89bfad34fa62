"""Random numbers at addresses: the specification of src/base/philox.h.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
(2011).
"""

import numpy as np

# Words are held in 64 bits, which the product of two of them fits into.
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def philox(counter, key):
    """Return four words of 32 bits, or arrays, given a counter of four and a key of two."""
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    key0, key1 = (np.uint64(word) for word in key)
    for _ in range(10):
        product0, product1 = FACTORS[0] * c0, FACTORS[1] * c2
        c0, c1 = (product1 >> HALF) ^ c1 ^ key0, product1 & LOW
        c2, c3 = (product0 >> HALF) ^ c3 ^ key1, product0 & LOW
        key0, key1 = (key0 + STEPS[0]) & LOW, (key1 + STEPS[1]) & LOW
    return c0, c1, c2, c3


def words(n_rows, n_units, key, step, lane):
    """Return the words at (unit, row, step, lane), of shape (n_rows, n_units).

    Four neighbouring units share a counter. The key's first half is Philox's key, its second half
    is XORed into the step and the lane.
    """
    key = [int(word) for word in key]
    row, group = np.indices((n_rows, -(-n_units // 4)))
    four = philox((group, row, step ^ key[2], lane ^ key[3]), key[:2])
    together = np.stack(np.broadcast_arrays(*four), axis=-1).astype(np.uint32)
    return together.reshape(n_rows, 4 * group.shape[1])[:, :n_units]


def uniforms(n_rows, n_units, key, step, lane, dtype=np.float64):
    """Return numbers in [0, 1): all 32 bits in float64, the upper 24 in float32."""
    word = words(n_rows, n_units, key, step, lane)
    if dtype == np.float32:
        return (word >> 8).astype(np.float32) * np.float32(2.0**-24)
    return word * 2.0**-32
