"""The best latent marginal of a fitted layer, and the bound that its own inference reaches."""

from numbers import Integral

from sklearn.utils import check_scalar

from layerwise.estimators.bounds import VariationalBound
from layerwise.estimators.meant import bottom, conditional_of, drawn, inference_of, shared
from layerwise.exceptions import Incompatible
from layerwise.likelihood import marginal, sampled
from layerwise.likelihood.bounds import lower_estimate
from layerwise.numerics.streams import CODE, Stream


def best_latent_marginal(
    layer, X, tol=1e-3, *, sample_weight=None, n_draws=None, random_state=None
):
    """Best mean log-likelihood of ``X`` over all distributions of the latent states.

    The value U_D of Arnold and Ollivier (2013), section 2: no upper layers, however deep, can
    give ``X`` a higher likelihood on this conditional.

    Parameters
    ----------
    layer : RBM, AutoEncoder, DBN, Pipeline or Conditional
        A fitted layer, whose p(x | h) is taken, or a conditional itself; of a DBN, the bottom
        layer; of a pipeline, the last step. At most 24 latent units, or any number with
        ``n_draws``.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows of states. If some have values in (0, 1) where units are Bernoulli units, which are
        means, 17 draws of each row take its place: those of ``score_samples``. Sparse rows are
        made dense some at a time.
    tol : float, default=1e-3
        Width of the bracket at which to stop, in nats.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean, none negative and some positive: a weight of 2 is the row
        twice, and rows of weight 0 are left out. None is equal ones.
    n_draws : int, default=None
        Instead of all latent states, take so many draws of the layer's q(h | x), spread evenly
        over the rows, or by their weights. What is found is a lower bound, and certain: no state
        is left out of a bracket that was never in it. None lists all states.
    random_state : int, RandomState instance or None, default=None
        Of the draws.

    Returns
    -------
    Estimate
        ``low`` is reached by ``weights``, of shape (2**n_latent,); no distribution exceeds
        ``high``. ``value`` is ``low``. With ``n_draws``, ``weights`` are of ``states``, ``high``
        is infinite, and ``error`` says by how much other draws would differ.

    Raises
    ------
    TooManyStates
        If there are more than 24 latent units, and ``n_draws`` is None.
    Incompatible
        If states are to be drawn and the layer has no ``inference_``.
    TypeError
        If the layer is none of these.

    Notes
    -----
    At any weights Q the maximum is at most L(Q) + log max_h D(h), with D(h) the mean over rows of
    p(x | h) / p_Q(x) (Lindsay's bound), by the rows' weights where they have some. That
    certificate, and not an iteration count, ends the search. A few steps of EM choose a first
    support; then, round by round, its weights take a step of second order, states of weight zero
    leave, and states with D > 1 join. Both ends of the bracket are moved outwards by a bound on
    what rounding may have changed.
    """
    layer, X = bottom(layer, X, "best_latent_marginal")
    conditional = conditional_of(layer, "best_latent_marginal")
    X, shares = drawn(*shared(X, sample_weight), conditional.visible)
    if n_draws is None:
        return marginal.best_latent_marginal(conditional, X, tol, shares=shares)
    inference = inference_of(layer, "best_latent_marginal with n_draws")
    states = _draws(inference, X, shares, conditional, n_draws, random_state)
    return sampled.best_latent_marginal(conditional, X, states, tol, shares=shares)


def latent_marginal_bound(
    layer, X, X_inference=None, *, sample_weight=None, sample_weight_inference=None, n_draws=None,
    random_state=None, method=None,
):  # fmt: skip
    """Mean log-likelihood of ``X`` under the layer and its own aggregated inference.

    The criterion Uhat of Arnold and Ollivier (2013): the latent distribution is q_D, the mean of
    the layer's q(h | x) over rows. It is at most the best latent marginal, and equal to it when q
    is the posterior under that marginal.

    Parameters
    ----------
    layer : RBM, AutoEncoder, DBN or Pipeline
        Fitted; of a DBN, the bottom layer, of a pipeline, the last step. At most 24 latent units,
        or any number with ``method`` or ``n_draws``.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        As in ``best_latent_marginal``.
    X_inference : array-like or sparse matrix of shape (n_rows, n_features), default=None
        Rows that q(h | x) is aggregated over; ``X`` itself if None, with its weights.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows of ``X`` in the mean, as in ``best_latent_marginal``.
    sample_weight_inference : array-like of shape (n_rows,), default=None
        Weights of the rows of ``X_inference`` in the aggregate.
    n_draws : int, default=None
        Instead of all latent states, take so many draws of q(h | x), spread evenly over
        ``X_inference`` or by its weights, as the latent distribution. The value is a certain lower
        bound of the best latent marginal; of the bound with all states it is one on average. None
        lists all states.
    random_state : int, RandomState instance or None, default=None
        Of the draws.
    method : VariationalBound, default=None
        Instead of listing all latent states, draw those of each row of ``X`` from its own q(h | x)
        and weigh each by q_D itself, summed over all rows of ``X_inference``: the value comes to
        that of all states from below as draws become many.

    Returns
    -------
    Estimate
        Exact; ``weights`` is q_D, of shape (2**n_latent,). With ``n_draws``, ``weights`` are of
        ``states``, ``high`` is infinite, and ``error`` says by how much other draws would differ.
        With ``method`` likewise, without weights; ``low`` is 3 standard errors below.

    Raises
    ------
    TooManyStates
        If there are more than 24 latent units, and ``n_draws`` is None.
    Incompatible
        If the layer has no ``inference_``.
    TypeError
        If the layer is none of these.
    """
    asker = "latent_marginal_bound"
    if X_inference is None and sample_weight_inference is not None:
        raise ValueError(
            "sample_weight_inference asks for weights of the rows of X_inference, which is None. "
            "Pass those rows too; the weights of X are sample_weight."
        )
    found, X = bottom(layer, X, asker)
    inference = inference_of(found, asker)
    draws = n_draws is not None or method is not None
    conditional = conditional_of(found, f"{asker} with draws" if draws else None)
    over = X, shares = drawn(*shared(X, sample_weight), conditional.visible)
    if X_inference is not None:
        X_inference = bottom(layer, X_inference, asker)[1]
        over = drawn(*shared(X_inference, sample_weight_inference), conditional.visible)
    if method is not None:
        if n_draws is not None or not isinstance(method, VariationalBound):
            raise Incompatible(
                "latent_marginal_bound takes n_draws, or method=VariationalBound(), and got "
                f"n_draws={n_draws!r}, method={method!r}. Leave one out."
            )
        values, errors = method.of_layer(conditional, inference, X, over)
        return lower_estimate(values, errors, shares, method.told)
    if n_draws is not None:
        states = _draws(inference, *over, conditional, n_draws, random_state)
        return sampled.latent_marginal_bound(conditional, X, states, shares=shares)
    log_inferred = marginal.log_inferred(inference, *over)
    _check_latent(len(log_inferred).bit_length() - 1, conditional)
    return marginal.latent_marginal_bound(conditional, log_inferred, X, shares=shares)


def _check_latent(n_latent, conditional):
    if n_latent != conditional.n_latent:
        raise Incompatible(
            "latent_marginal_bound asks for q(h | x) and p(x | h) over the same latent units, and "
            f"they have {n_latent} and {conditional.n_latent}. Set weights of sizes that fit, or "
            "train again."
        )


def _draws(inference, X, shares, conditional, n_draws, random_state):
    """Return states drawn from the inference of some rows."""
    check_scalar(n_draws, "n_draws", Integral, min_val=4)
    stream = Stream.from_random_state(random_state)
    states = sampled.drawn_states(inference, X, n_draws, stream, lane=CODE, shares=shares)
    _check_latent(states.shape[1], conditional)
    return states.astype(float)
