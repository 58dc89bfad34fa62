"""Deep generative models trained one layer at a time, with exact log-likelihoods."""

from layerwise import datasets, plots
from layerwise._versions import __version__, show_versions
from layerwise.estimators.annealing import AIS, RAISE
from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.bernoulli_rbm import BernoulliRBM
from layerwise.estimators.bounds import VariationalBound
from layerwise.estimators.callbacks import EarlyStopping
from layerwise.estimators.dbn import DBN
from layerwise.estimators.deep_autoencoder import DeepAutoEncoder
from layerwise.estimators.diagnosis import diagnose
from layerwise.estimators.latent_layer import LatentLayer
from layerwise.estimators.latent_marginals import best_latent_marginal, latent_marginal_bound
from layerwise.estimators.likelihood import log_likelihood, log_partition, log_pseudolikelihood
from layerwise.estimators.network_layers import Dense, Supervised
from layerwise.estimators.rbm import RBM
from layerwise.estimators.reversible import random_likeness, reversibility
from layerwise.estimators.stack import DRBN, Convolution
from layerwise.estimators.supervised import DeepClassifier, DeepRegressor
from layerwise.exceptions import Diverged, Incompatible, TooManyStates
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.parzen import parzen_log_likelihood
from layerwise.model_selection import LayerwiseSearch, scorers
from layerwise.models.units import Bernoulli, Gaussian, Softmax, Spin, TruncatedExponential
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import CD, PCD
from layerwise.trainers.exact import ExactGradient
from layerwise.trainers.joint import JointCD, JointPCD
from layerwise.trainers.latent import BoundAscent, LikelihoodAscent, MarginalAscent
from layerwise.trainers.shadow import Shadow
from layerwise.trainers.tempering import ParallelTempering
from layerwise.trainers.wake_sleep import WakeSleep

__all__ = [
    "AIS",
    "CD",
    "DBN",
    "DRBN",
    "PCD",
    "RAISE",
    "RBM",
    "AutoEncoder",
    "Backprop",
    "Bernoulli",
    "BernoulliRBM",
    "BoundAscent",
    "Convolution",
    "DeepAutoEncoder",
    "DeepClassifier",
    "DeepRegressor",
    "Dense",
    "Diverged",
    "EarlyStopping",
    "Estimate",
    "ExactGradient",
    "Gaussian",
    "Incompatible",
    "JointCD",
    "JointPCD",
    "LatentLayer",
    "LayerwiseSearch",
    "LikelihoodAscent",
    "MarginalAscent",
    "ParallelTempering",
    "Shadow",
    "Softmax",
    "Spin",
    "Supervised",
    "TooManyStates",
    "TruncatedExponential",
    "VariationalBound",
    "WakeSleep",
    "__version__",
    "best_latent_marginal",
    "datasets",
    "diagnose",
    "latent_marginal_bound",
    "log_likelihood",
    "log_partition",
    "log_pseudolikelihood",
    "parzen_log_likelihood",
    "plots",
    "random_likeness",
    "reversibility",
    "scorers",
    "show_versions",
]
