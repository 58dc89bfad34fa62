"""Layered: what is made of a list of layers, whose parameters have names."""

from layerwise._sklearn import BaseComposition, has_callbacks
from layerwise.estimators.callbacks import opened, refuse_on_parts
from layerwise.exceptions import Incompatible

__all__ = ["Layered"]


class Layered(BaseComposition):
    """An estimator with a list ``layers`` of estimators, or of pairs of a name and an estimator.

    Bare estimators are named ``layer1``, ``layer2`` and so on.
    """

    @property
    def _named_layers(self):
        entries = self.layers if isinstance(self.layers, (list, tuple)) else ()
        return [
            entry if isinstance(entry, tuple) else (f"layer{number}", entry)
            for number, entry in enumerate(entries, start=1)
        ]

    @_named_layers.setter
    def _named_layers(self, named):
        self.layers = [
            pair if isinstance(entry, tuple) else pair[1]
            for entry, pair in zip(self.layers, named)
        ]

    def get_params(self, deep=True):
        """Return the parameters, and those of the layers by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the layers' parameters too.

        Returns
        -------
        dict
        """
        return self._get_params("_named_layers", deep=deep)

    def set_params(self, **params):
        """Set parameters, layers by name, and layers' parameters as ``layer1__n_components``.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self
            This estimator.
        """
        if "layers" in params:
            self.layers = params.pop("layers")
        self._set_params("_named_layers", **params)
        return self

    def _check_entries(self, example):
        """Raise ``Incompatible`` unless ``layers`` has estimators, or pairs with a name.

        Parameters
        ----------
        example : str
            What could be added to an empty list.
        """
        whole = type(self).__name__
        if not self.layers:
            raise Incompatible(
                f"{whole} asks for at least one layer, and layers is empty. Add {example}."
            )
        for entry in self.layers:
            if isinstance(entry, tuple) and not (len(entry) == 2 and isinstance(entry[0], str)):
                raise Incompatible(
                    f"{whole} asks for layers that are estimators or pairs of (name, estimator), "
                    f"and one is {entry!r}. Write it as ('bottom', {example}), or without a name."
                )
        self._validate_names([name for name, _ in self._named_layers])
        for name, layer in self._named_layers:
            if isinstance(layer, type):
                raise Incompatible(
                    f"{whole} asks for estimators as layers, and {name} is the class "
                    f"{layer.__name__}. Pass {layer.__name__}()."
                )

    def _opened(self, n_tasks, X, y):
        """Return the context of ``fit``, whose beginning callbacks hear of; None without any.

        Parameters
        ----------
        n_tasks : int
        X, y
            What callbacks are told that it is trained on.
        """
        layers = dict(self._named_layers)
        refuse_on_parts(self, layers)
        if any(map(has_callbacks, [self, *layers.values()])):
            return opened(self, n_tasks, X=X, y=y)
        return None
