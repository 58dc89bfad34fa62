"""What goes to a file of an estimator, and what may come back from one of another version.

Files are made by pickle, joblib or ``skops.io``; all of them ask for the state and give it back.
"""

import inspect
import warnings
from typing import ClassVar

from layerwise._versions import __version__
from layerwise.exceptions import Incompatible

__all__ = ["Saved", "WithDefaults"]

VERSION = "_layerwise_version"
# What an estimator has before it is fitted, while it is: callbacks see copies of it then.
SEEN = {"n_features_in_", "feature_names_in_"}


class WithDefaults:
    """An estimator whose files may lack parameters that were not there yet: they are defaults.

    A default is so bound to be what older versions did.
    """

    def __setstate__(self, state):
        """Take the attributes of a file."""
        parameters = inspect.signature(type(self).__init__).parameters.values()
        defaults = {
            each.name: each.default for each in parameters if each.default is not each.empty
        }
        vars(self).update(defaults | dict(state))


class Saved(WithDefaults):
    """An estimator that says in its files which version wrote them.

    ``_needed`` names what a fitted one cannot do without.
    """

    _needed: ClassVar[tuple] = ()

    def __getstate__(self):
        """Return all attributes, and the version."""
        return {**super().__getstate__(), VERSION: __version__}

    def __setstate__(self, state):
        """Take the attributes of a file, or raise Incompatible if they are not those needed."""
        state = dict(state)
        version = state.pop(VERSION, None)
        kind = type(self).__name__
        written = "by a version that did not say which" if version is None else f"by {version}"
        fitted = {name for name in state if name.endswith("_") and not name.startswith("_")}
        missing = [name for name in self._needed if name not in state] if fitted - SEEN else []
        if missing:
            raise Incompatible(
                f"This {kind} was saved {written}, and lacks {', '.join(missing)}, which version "
                f"{__version__} asks of a fitted one. Load it with the version that saved it, or "
                "fit it again."
            )
        if version is not None and _series(version) > _series(__version__):
            warnings.warn(
                f"This {kind} was saved by layerwise {version}, which is newer than "
                f"{__version__}: what it holds may mean something else here. Upgrade layerwise.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)


def _series(version):
    """Return the first two numbers of a version: those of one series have the same files."""
    return tuple(int(part) for part in version.split(".")[:2])
