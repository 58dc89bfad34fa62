"""Random numbers at addresses: the specification of src/base/philox.h.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
(2011).
"""

import numpy as np

LOW = 0xFFFFFFFF


def philox(counter, key):
    """Return four words of 32 bits, given a counter of four and a key of two."""
    c0, c1, c2, c3 = (int(word) for word in counter)
    key0, key1 = (int(word) for word in key)
    for _ in range(10):
        product0, product1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (product1 >> 32) ^ c1 ^ key0, product1 & LOW
        c2, c3 = (product0 >> 32) ^ c3 ^ key1, product0 & LOW
        key0, key1 = (key0 + 0x9E3779B9) & LOW, (key1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def words(n_rows, n_units, key, step, lane):
    """Return the words at (unit, row, step, lane), of shape (n_rows, n_units).

    Four neighbouring units share a counter. The key's first half is Philox's key, its second half
    is XORed into the step and the lane.
    """
    key = [int(word) for word in key]
    word = np.empty((n_rows, n_units), dtype=np.uint32)
    for row in range(n_rows):
        for group in range(-(-n_units // 4)):
            counter = (group, row, step ^ key[2], lane ^ key[3])
            four = philox(counter, key[:2])
            units = slice(4 * group, min(4 * group + 4, n_units))
            word[row, units] = four[: units.stop - units.start]
    return word


def uniforms(n_rows, n_units, key, step, lane, dtype=np.float64):
    """Return numbers in [0, 1): all 32 bits in float64, the upper 24 in float32."""
    word = words(n_rows, n_units, key, step, lane)
    if dtype == np.float32:
        return (word >> 8).astype(np.float32) * np.float32(2.0**-24)
    return word * 2.0**-32
