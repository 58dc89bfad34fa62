"""scikit-learn's callbacks, on an estimator that imports them only when it needs them."""


class TakesCallbacks:
    """The methods of ``sklearn.callback.CallbackSupportMixin``, imported when they are called."""

    def set_callbacks(self, *callbacks):
        """Set the callbacks of the calls of ``fit`` to come.

        Parameters
        ----------
        *callbacks : callback instances
            Such as ``sklearn.callback.ProgressBar()``; none takes those away that were set.

        Returns
        -------
        self
            This estimator.
        """
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin.set_callbacks(self, *callbacks)

    def _init_callback_context(self, **options):
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin._init_callback_context(self, **options)


def with_callbacks(method, estimator, *arguments):
    """Call a method of an estimator; its callbacks are torn down at the end, whatever happens."""
    from sklearn.callback import with_callbacks

    return with_callbacks(method)(estimator, *arguments)
