"""What a search leaves to its best estimator: to score, to transform and to draw."""

from sklearn.utils.metaestimators import available_if

from layerwise._sklearn import check_is_fitted


def _has_best(search):
    if not search.refit:
        raise AttributeError(
            "this asks LayerwiseSearch for best_estimator_, and refit=False leaves none. Set "
            "refit=True, or fit a DBN with best_params_."
        )
    return True


class OfBestEstimator:
    """The methods of a fitted DBN, on a search that has one as ``best_estimator_``."""

    @available_if(_has_best)
    def score_samples(self, X):
        """Return the log-likelihood of each row under the best DBN, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.best_estimator_.score_samples(X)

    @available_if(_has_best)
    def score(self, X, y=None, sample_weight=None):
        """Return the mean log-likelihood of the rows under the best DBN, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean; equal ones if None.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        return self.best_estimator_.score(X, sample_weight=sample_weight)

    @available_if(_has_best)
    def transform(self, X):
        """Return the means of the top's hidden units, by the best DBN.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components of the last layer)
        """
        check_is_fitted(self)
        return self.best_estimator_.transform(X)

    @available_if(_has_best)
    def inverse_transform(self, X):
        """Return the means of the data given hidden units of the top, by the best DBN.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components of the last layer)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.best_estimator_.inverse_transform(X)

    @available_if(_has_best)
    def sample(self, n_samples=1, *, given=None, n_steps=1000, random_state=None):
        """Return rows drawn from the best DBN.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like or sparse matrix of shape (n_rows, n_features), default=None
        n_steps : int, default=1000
            As in ``DBN.sample``.
        random_state : int, RandomState instance or None, default=None
            The DBN's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.best_estimator_.sample(
            n_samples, given=given, n_steps=n_steps, random_state=random_state
        )

    @available_if(_has_best)
    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that ``transform`` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Ignored.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        return self.best_estimator_.get_feature_names_out(input_features)

    def set_output(self, *, transform=None):
        """Set what ``transform`` returns: it is the DBN that does.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None

        Returns
        -------
        LayerwiseSearch
            This estimator.
        """
        self.dbn.set_output(transform=transform)
        if hasattr(self, "best_estimator_"):
            self.best_estimator_.set_output(transform=transform)
        return self
