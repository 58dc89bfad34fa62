"""Randomness as a function of an address: a stream is a key, and never has a state."""

import hashlib
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

# Lanes: whose random numbers a kernel draws. A number sits at (unit, row, step, lane).
# The last one begins a lane for each layer of a network, as BRANCH does, and STACK two for each
# RBM of a stack.
DATA, HIDDEN, VISIBLE, CHAIN_HIDDEN, CORRUPTION, CODE, STATE, DROPOUT = range(8)
BRANCH, STACK = 2**16, 2**17


@dataclass(frozen=True)
class Stream:
    """A key of 128 bits, from which numbers, generators and child streams follow.

    Parameters
    ----------
    key : bytes of length 16
    """

    key: bytes

    @classmethod
    def from_random_state(cls, random_state):
        """Draw a key, once, from None, an int or a ``numpy.random.RandomState``."""
        words = check_random_state(random_state).randint(0, 2**32, size=4, dtype=np.uint32)
        return cls(words.tobytes())

    @classmethod
    def of_values(cls, values):
        """Return the stream of an array of numbers: equal arrays have equal streams."""
        data = np.ascontiguousarray(values, dtype="<f8").tobytes()
        return cls(hashlib.blake2b(data, digest_size=16).digest())

    def child(self, *names):
        """Return the stream of a part, by name: the order of asking does not matter."""
        path = "/".join(f"{type(name).__name__}:{name}" for name in names)
        return Stream(hashlib.blake2b(path.encode(), key=self.key, digest_size=16).digest())

    def as_array(self):
        """Return the key as four uint32 words: what kernels take."""
        return np.frombuffer(self.key, dtype="<u4").astype(np.uint32)

    def generator(self):
        """Return a numpy ``Generator`` on this key, for cold paths (permutations, weights)."""
        key = np.frombuffer(self.key, dtype="<u8").astype(np.uint64)
        return np.random.Generator(np.random.Philox(key=key))
