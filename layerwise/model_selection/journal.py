"""The journal of a search: the records of its trials, in memory or in a folder too."""

import hashlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from layerwise._versions import __version__
from layerwise.model_selection.files import held
from layerwise.model_selection.greedy import KEY
from layerwise.model_selection.records import RecordFile, Records, fingerprint
from layerwise.model_selection.spaces import described

NAME = "records.jsonl"


@contextmanager
def journal(search, dbn, tried, data, splits, stream):
    """Give the records of a search, those of its folder among them; hold the folder.

    Parameters
    ----------
    search : LayerwiseSearch
    dbn : DBN
        Unfitted, with an int as its ``random_state``.
    tried : dict of str to list of Candidate
    data : pair of an ndarray or CSR of shape (n_samples, n_features), and an ndarray or None
        The rows and their weights.
    splits : list of (ndarray, ndarray)
    stream : Stream
        Of the search.

    Yields
    ------
    Records

    Raises
    ------
    ValueError
        If the folder cannot be used, another process uses it, or another search left it.
    """
    if search.folder is None:
        yield Records(KEY)
        return
    if search.random_state is None:
        raise ValueError(
            "folder keeps a search that can be gone on with, and random_state=None draws other "
            "candidates each time. Set random_state to an int."
        )
    folder = Path(search.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / NAME, "a", encoding="utf-8"):
            pass  # may it be written to? Better asked now than after the first trial
    except OSError as error:
        raise ValueError(
            f"folder={str(folder)!r} cannot be used: {error.strerror or error}. Choose another."
        ) from error
    with held(folder, "search", "choose another folder"):
        yield RecordFile(
            folder / NAME,
            _settings(search, dbn, tried, *data, splits, stream),
            key=KEY,
            what="search",
            way_out="Choose another folder, or delete that file.",
        )


def _settings(search, dbn, tried, X, weights, splits, stream):
    """Return all that a trial's result depends on but for its place, as short texts."""
    strategy = search.strategy
    if strategy == "halving":
        strategy += f"(factor={search.factor}, min_resources={search.min_resources})"
    space = [each.params for candidates in tried.values() for each in candidates]
    return {
        "version": __version__,
        "rows": fingerprint(X, np.array(str(X.dtype))),
        "weights": "none" if weights is None else fingerprint(weights),
        "seed": stream.key.hex(),
        "splits": fingerprint(*(part for split in splits for part in split)),
        "dbn": _digest(described(dbn)),
        "candidates": _digest(described(space)),
        "strategy": strategy,
        "scoring": described(search.scoring),
        # A score that stands for failed ones takes part in the choice.
        "error_score": "nan" if search.error_score == "raise" else str(search.error_score),
    }


def _digest(text):
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
