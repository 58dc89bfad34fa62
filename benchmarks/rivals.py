"""The other sides of the contests: what a user would run instead, written as well as we can.

Each function prepares one contest and returns what is timed. Its name begins with its library,
which is imported inside: a process has the library that it runs, and no other.
"""

import ctypes
import math
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import problems
from problems import log_sum_exp

CHUNK = 1024  # states at a time: tables stay in the cache; 4,096 are up to 1.5 times slower
RATE = 0.1  # of gradient descent


# ---- the machine ---------------------------------------------------------------------------


def peak_library():
    """Return peak.c, compiled for this machine."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "peak.so"
        source = Path(__file__).with_name("peak.c")
        command = ["cc", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", target]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            raise NotImplementedError("peak.c needs `cc -march=native`") from None
        library = ctypes.CDLL(str(target))
    library.vectors.restype = ctypes.c_char_p
    library.add_mul.argtypes = [ctypes.c_long, ctypes.c_double, ctypes.c_double]
    library.multiply_add.argtypes = [ctypes.c_long, ctypes.c_float, ctypes.c_float]
    library.add_mul.restype, library.multiply_add.restype = ctypes.c_double, ctypes.c_float
    return library


def peak_vectors():
    """The name of the vectors that the peaks are measured with."""
    library = peak_library()
    return lambda: library.vectors().decode()


def peak_add_mul(n):
    """One core's n additions and n multiplications of float64, in registers."""
    library = peak_library()
    return lambda: library.add_mul(n, 1.0, 1.0)


def peak_multiply_add(n):
    """One core's n multiply-adds of float32, in registers."""
    library = peak_library()
    return lambda: library.multiply_add(n, 1.0, 1.0)


# ---- log Z ---------------------------------------------------------------------------------


def numpy_logaddexp(n, m):
    """Log Z as most people write it: a gemm and a logaddexp, a chunk of states at a time."""
    weights, a, c = problems.two_layers(n, m)

    def log_z():
        parts = []
        for first in range(0, 2**n, CHUNK):
            h = problems.states(n, first, min(first + CHUNK, 2**n))
            parts.append(log_sum_exp(h @ c + np.logaddexp(0, h @ weights.T + a).sum(axis=1)))
        return log_sum_exp(np.array(parts))

    return log_z


def halves(n, low, weights, a, c):
    """Split the listed units in two; return fields and linear parts of the states of each half."""
    low_states, high_states = problems.states(low), problems.states(n - low)
    return (
        low_states @ weights[:, :low].T,
        low_states @ c[:low],
        high_states @ weights[:, low:].T + a,
        high_states @ c[low:],
    )


def numpy_tables(n, m):
    """Log Z with exp(field) as the product of two tables, and log1p in place."""
    model = problems.two_layers(n, m)

    def log_z():
        low_field, low_linear, high_field, high_linear = halves(n, min(n, 10), *model)
        low, high = np.exp(low_field), np.exp(high_field)
        table = np.empty_like(low)
        parts = np.empty(len(high))
        for k in range(len(high)):
            np.multiply(low, high[k], out=table)
            np.log1p(table, out=table)
            parts[k] = high_linear[k] + log_sum_exp(table.sum(axis=1) + low_linear)
        return log_sum_exp(parts)

    return log_z


def numpy_product(n, m):
    """Log Z as products: 1 + exp(x + y) = exp(x) (exp(-x) + exp(y)), one addition and one
    multiplication for each state and unit. Rows of 2^13 states are the fastest; every 50 units
    the maximum is taken out, far from overflow at the weights of these contests.
    """
    model = problems.two_layers(n, m)

    def log_z():
        low_field, low_linear, high_field, high_linear = halves(n, min(n, 13), *model)
        low = np.exp(np.ascontiguousarray(low_field.T))  # one row for each unit
        high = np.exp(-high_field)
        start = np.exp(low_linear)
        factor, product = np.empty_like(start), np.empty_like(start)
        parts = high_linear + high_field.sum(axis=1)
        for k in range(len(high)):
            product[:] = start
            for i in range(m):
                np.add(low[i], high[k, i], out=factor)
                np.multiply(product, factor, out=product)
                if i % 50 == 49:
                    top = product.max()
                    product /= top
                    parts[k] += math.log(top)
            parts[k] += math.log(product.sum())
        return log_sum_exp(parts)

    return log_z


def numba_log_z(n, m):
    """Log Z along a Gray code: one unit flips from state to state. Threads share 2^6 blocks."""
    import numba

    weights, a, c = problems.two_layers(n, m)
    columns = np.ascontiguousarray(weights.T)
    n_fixed = min(6, n)

    @numba.njit(parallel=True, fastmath=True)
    def block_log_sums(columns, a, c, n_fixed):
        n, m = columns.shape
        n_free = n - n_fixed
        result = np.empty(2**n_fixed)
        for block in numba.prange(2**n_fixed):
            field, linear = a.copy(), 0.0
            for j in range(n_fixed):
                if block >> j & 1:
                    field += columns[n_free + j]
                    linear += c[n_free + j]
            top, total, gray = -np.inf, 0.0, 0
            for index in range(2**n_free):
                if index > 0:
                    j = 0
                    while not index >> j & 1:
                        j += 1
                    gray ^= 1 << j
                    sign = 1.0 if gray >> j & 1 else -1.0
                    linear += sign * c[j]
                    for i in range(m):
                        field[i] += sign * columns[j, i]
                value = linear
                for i in range(m):
                    value += max(field[i], 0.0) + math.log1p(math.exp(-abs(field[i])))
                if value > top:
                    total = total * math.exp(top - value) + 1.0
                    top = value
                else:
                    total += math.exp(value - top)
            result[block] = top + math.log(total)
        return result

    block_log_sums(columns[:1], a, c[:1], 0)  # compiles
    return lambda: log_sum_exp(block_log_sums(columns, a, c, n_fixed))


def torch_log_z(n, m):
    """Log Z by addmm and softplus, a chunk of states at a time."""
    import torch

    weights, a, c = (torch.from_numpy(part) for part in problems.two_layers(n, m))
    units = torch.arange(n)

    def log_z():
        parts = []
        for first in range(0, 2**n, CHUNK):
            index = torch.arange(first, min(first + CHUNK, 2**n))
            h = (index[:, None] >> units & 1).double()
            sums = torch.nn.functional.softplus(torch.addmm(a, h, weights.T)).sum(dim=1)
            parts.append(torch.logsumexp(sums + h @ c, dim=0))
        return float(torch.logsumexp(torch.stack(parts), dim=0))

    return log_z


# ---- deep log-likelihoods ------------------------------------------------------------------


def deep_chunks(n, n_rows, sd):
    """Yield log p(x, h) for all rows and a chunk of latent states at a time."""
    weights, bias, log_marginal, X = problems.latent_mixture(n, n_rows, sd)
    for first in range(0, 2**n, CHUNK):
        field = problems.states(n, first, min(first + CHUNK, 2**n)) @ weights + bias
        table = X @ field.T
        table += log_marginal[first : first + CHUNK] - np.logaddexp(0, field).sum(axis=1)
        yield table


def numpy_deep_logaddexp(n, n_rows, sd):
    """The direct table of rows x latent states, folded by logaddexp."""

    def log_likelihoods():
        parts = [np.logaddexp.reduce(table, axis=1) for table in deep_chunks(n, n_rows, sd)]
        return np.logaddexp.reduce(parts, axis=0)

    return log_likelihoods


def numpy_deep_exp(n, n_rows, sd):
    """The direct table of rows x latent states, folded by one exponential in place."""

    def log_likelihoods():
        parts = []
        for table in deep_chunks(n, n_rows, sd):
            top = table.max(axis=1, keepdims=True)
            table -= top
            np.exp(table, out=table)
            parts.append(top[:, 0] + np.log(table.sum(axis=1)))
        return np.logaddexp.reduce(parts, axis=0)

    return log_likelihoods


def torch_likelihood_ascent(n, n_rows, n_visible, n_hidden):
    """One step up the exact likelihood of a deep model, by autograd and Adam."""
    import torch

    bottom, top, X = problems.deep_model(n, n_rows, n_visible, n_hidden)
    arrays = [torch.from_numpy(part).requires_grad_() for part in (*bottom, *top)]
    weights, bias, top_weights, visible_bias, hidden_bias = arrays
    X, h = torch.from_numpy(X), torch.from_numpy(problems.states(n))
    adam = torch.optim.Adam(arrays, lr=1e-3)
    softplus = torch.nn.functional.softplus

    def step():
        adam.zero_grad()
        top = h @ visible_bias + softplus(torch.addmm(hidden_bias, h, top_weights.T)).sum(dim=1)
        log_marginal = top - torch.logsumexp(top, dim=0)
        table = log_marginal - softplus(torch.addmm(bias, h, weights)).sum(dim=1)
        joint = torch.addmm(table, X @ weights.T, h.T)
        value = (torch.logsumexp(joint, dim=1) + X @ bias).mean()
        (-value).backward()
        adam.step()
        return float(value)

    return step


# ---- contrastive divergence: scikit-learn's algorithm, persistent chains, one Gibbs step ----


def sklearn_pcd(n_visible, n_hidden, batch, n_rows):
    """A pass of BernoulliRBM in float32: the loop of its ``fit``, without the first weights."""
    from sklearn.neural_network import BernoulliRBM

    X = problems.rows(n_rows, n_visible)
    rbm = BernoulliRBM(n_hidden, learning_rate=RATE, batch_size=batch, n_iter=1)
    random_state = np.random.RandomState(problems.SEED)
    rbm.set_params(random_state=random_state).fit(X[:batch])
    batches = np.split(X, n_rows // batch)

    def one_pass():
        for rows in batches:
            rbm._fit(rows, random_state)
        return rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_

    return one_pass


def numpy_pcd(n_visible, n_hidden, batch, n_rows):
    """A pass of PCD-1 in float32."""
    X = problems.rows(n_rows, n_visible)
    rng = np.random.default_rng(problems.SEED)
    weights = rng.normal(scale=0.1, size=(n_visible, n_hidden)).astype(np.float32)
    visible_bias, hidden_bias = np.zeros(n_visible, np.float32), np.zeros(n_hidden, np.float32)
    hidden = np.zeros((batch, n_hidden), np.float32)
    positive, negative = np.empty_like(weights), np.empty_like(weights)
    rate = np.float32(RATE / batch)

    def means(units, matrix, bias):
        field = units @ matrix
        field += bias
        np.negative(field, out=field)
        np.exp(field, out=field)
        field += 1
        return np.reciprocal(field, out=field)

    def draw(means):
        return (rng.random(means.shape, dtype=np.float32) < means).astype(np.float32)

    def one_pass():
        nonlocal hidden
        for at in range(0, n_rows, batch):
            data = X[at : at + batch]
            data_hidden = means(data, weights, hidden_bias)
            chain = draw(means(hidden, weights.T, visible_bias))
            chain_hidden = means(chain, weights, hidden_bias)
            np.matmul(data.T, data_hidden, out=positive)
            np.matmul(chain.T, chain_hidden, out=negative)
            np.subtract(positive, negative, out=positive)
            np.multiply(positive, rate, out=positive)
            np.add(weights, positive, out=weights)
            visible_bias[:] += rate * (data.sum(axis=0) - chain.sum(axis=0))
            hidden_bias[:] += rate * (data_hidden.sum(axis=0) - chain_hidden.sum(axis=0))
            hidden = draw(chain_hidden)
        return weights.T, visible_bias, hidden_bias

    return one_pass


def torch_pcd(n_visible, n_hidden, batch, n_rows, grey=False):
    """A pass of PCD-1 in float32, in place and without autograd."""
    import torch

    torch.manual_seed(problems.SEED)
    X = problems.real_rows(n_rows, n_visible, "bernoulli") if grey else None
    X = torch.from_numpy(problems.rows(n_rows, n_visible) if X is None else X)
    weights = 0.1 * torch.randn(n_visible, n_hidden)
    visible_bias, hidden_bias = torch.zeros(n_visible), torch.zeros(n_hidden)
    hidden = torch.zeros(batch, n_hidden)
    rate = RATE / batch

    @torch.inference_mode()
    def one_pass():
        nonlocal hidden
        for data in X.split(batch):
            data_hidden = torch.addmm(hidden_bias, data, weights).sigmoid_()
            chain = torch.addmm(visible_bias, hidden, weights.T).sigmoid_().bernoulli()
            chain_hidden = torch.addmm(hidden_bias, chain, weights).sigmoid_()
            weights.addmm_(data.T, data_hidden, alpha=rate)
            weights.addmm_(chain.T, chain_hidden, alpha=-rate)
            visible_bias.add_((data - chain).sum(dim=0), alpha=rate)
            hidden_bias.add_((data_hidden - chain_hidden).sum(dim=0), alpha=rate)
            hidden = chain_hidden.bernoulli()
        return weights.T.numpy(), visible_bias.numpy(), hidden_bias.numpy()

    return one_pass


# ---- Gibbs steps with weights that stay ------------------------------------------------------


def drawn(field, rng):
    """Return float32 states of units, and leave something else in the place of their fields."""
    np.negative(field, out=field)
    np.exp(field, out=field)
    field += 1
    field *= rng.random(field.shape, dtype=np.float32)
    return (field < 1).astype(np.float32)


def numpy_gibbs(n_visible, n_hidden, n_chains, n_steps):
    """Gibbs steps in float32."""
    weights, visible_bias, hidden_bias, hidden = problems.machine(n_visible, n_hidden, n_chains)
    rng = np.random.default_rng(problems.SEED)

    def steps():
        nonlocal hidden
        for _ in range(n_steps):
            visible = drawn(hidden @ weights + visible_bias, rng)
            hidden = drawn(visible @ weights.T + hidden_bias, rng)
        return visible.mean()

    return steps


def numpy_gibbs_products(n_visible, n_hidden, n_chains, n_steps):
    """The matrix products of Gibbs steps, and nothing else."""
    weights, visible_bias, _, hidden = problems.machine(n_visible, n_hidden, n_chains)
    visible = np.tile(visible_bias, (n_chains, 1))

    def steps():
        for _ in range(n_steps):
            np.matmul(hidden, weights)
            np.matmul(visible, weights.T)

    return steps


def torch_gibbs(n_visible, n_hidden, n_chains, n_steps):
    """Gibbs steps in float32, without autograd."""
    import torch

    torch.manual_seed(problems.SEED)
    arrays = problems.machine(n_visible, n_hidden, n_chains)
    weights, visible_bias, hidden_bias, hidden = map(torch.from_numpy, arrays)

    @torch.inference_mode()
    def steps():
        nonlocal hidden
        for _ in range(n_steps):
            visible = torch.addmm(visible_bias, hidden, weights).sigmoid_().bernoulli()
            hidden = torch.addmm(hidden_bias, visible, weights.T).sigmoid_().bernoulli()
        return visible.mean().item()

    return steps


def numpy_annealed(n_visible, n_hidden, n_chains, n_betas, n_steps):
    """The first steps of annealing, in float32; returns the mean log weight."""
    weights, visible_bias, hidden_bias, _ = problems.machine(n_visible, n_hidden, n_chains)
    betas = np.linspace(0, 1, n_betas + 1)[: n_steps + 1]
    rng = np.random.default_rng(problems.SEED)

    def softplus(field):
        above = np.maximum(field, 0)
        np.abs(field, out=field)
        np.negative(field, out=field)
        return above + np.log1p(np.exp(field, out=field), out=field)

    def steps():
        log_weight = np.zeros(n_chains)
        hidden = np.zeros((n_chains, n_hidden), dtype=np.float32)
        for now, then in pairwise(map(np.float32, betas)):
            visible = drawn(now * (hidden @ weights + visible_bias), rng)
            field = visible @ weights.T + hidden_bias
            log_weight += (then - now) * (visible @ visible_bias)
            log_weight += np.logaddexp(0, then * field).sum(1) - np.logaddexp(0, now * field).sum(
                1
            )
            hidden = drawn(then * field, rng)
        return log_weight.mean()

    return steps


def torch_annealed(n_visible, n_hidden, n_chains, n_betas, n_steps):
    """The same, without autograd."""
    import torch
    from torch.nn.functional import softplus

    torch.manual_seed(problems.SEED)
    arrays = problems.machine(n_visible, n_hidden, n_chains)
    weights, visible_bias, hidden_bias, _ = map(torch.from_numpy, arrays)
    betas = np.linspace(0, 1, n_betas + 1)[: n_steps + 1].tolist()

    @torch.inference_mode()
    def steps():
        log_weight = torch.zeros(n_chains, dtype=torch.float64)
        hidden = torch.zeros((n_chains, n_hidden))
        for now, then in pairwise(betas):
            field = torch.addmm(visible_bias, hidden, weights).mul_(now)
            visible = field.sigmoid_().bernoulli()
            field = torch.addmm(hidden_bias, visible, weights.T)
            log_weight += (then - now) * (visible @ visible_bias)
            log_weight += softplus(then * field).sum(1) - softplus(now * field).sum(1)
            hidden = field.mul_(then).sigmoid_().bernoulli()
        return log_weight.mean().item()

    return steps


def rbms_log_z(n_visible, n_hidden, n_chains, n_betas):
    """Log Z by the annealing of rbms 0.5, in float32, from the RBM without its weights."""
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.partition_function.ais import compute_partition_function_ais

    torch.manual_seed(problems.SEED)
    weights, visible_bias, hidden_bias, _ = map(
        torch.from_numpy, problems.machine(n_visible, n_hidden, n_chains)
    )
    rbm = BBRBM(weights.T.contiguous(), visible_bias, hidden_bias)

    @torch.inference_mode()
    def run():
        return float(compute_partition_function_ais(n_chains, n_betas + 1, rbm))

    return run


# ---- back-propagation ----------------------------------------------------------------------


def torch_fine_tuning(sizes, batch, n_rows, fused, images=False):
    """A pass of a ReLU classifier's training in float32 with Adam; returns a row's mean loss."""
    import torch

    torch.manual_seed(problems.SEED)
    rows = problems.labelled_rows(n_rows, sizes[0], sizes[-1], images)
    X, labels = map(torch.from_numpy, rows)
    stack = []
    for n_in, n_out in pairwise(sizes):
        linear = torch.nn.Linear(n_in, n_out)
        torch.nn.init.xavier_uniform_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        stack += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*stack[:-1])
    adam = torch.optim.Adam(network.parameters(), fused=fused)
    loss = torch.nn.CrossEntropyLoss()

    def one_pass():
        total = 0.0
        for index in torch.randperm(n_rows).split(batch):
            adam.zero_grad()
            value = loss(network(X[index]), labels[index])
            value.backward()
            adam.step()
            total += len(index) * value.detach()
        return float(total) / n_rows

    return one_pass


def sklearn_fine_tuning(sizes, batch, n_rows, images=False):
    """The same by MLPClassifier, whose ``partial_fit`` is a pass."""
    from sklearn.neural_network import MLPClassifier

    X, labels = problems.labelled_rows(n_rows, sizes[0], sizes[-1], images)
    network = MLPClassifier(sizes[1:-1], batch_size=batch, alpha=0, random_state=problems.SEED)
    classes = np.arange(sizes[-1])
    network.partial_fit(X[:batch], labels[:batch], classes=classes)

    def one_pass():
        network.partial_fit(X, labels)
        return network.loss_

    return one_pass


def torch_backprop(sizes, batch, n_rows, fused):
    """A pass of back-propagation in float32 with Adam; returns the mean loss of a row, in nats."""
    import torch

    torch.manual_seed(problems.SEED)
    X = torch.from_numpy(problems.rows(n_rows, sizes[0]))
    stack = []
    for n_in, n_out in pairwise(sizes):
        linear = torch.nn.Linear(n_in, n_out)
        torch.nn.init.xavier_uniform_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        stack += [linear, torch.nn.Sigmoid()]
    network = torch.nn.Sequential(*stack[:-1])  # the loss takes log-odds
    adam = torch.optim.Adam(network.parameters(), fused=fused)
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")

    def one_pass():
        total = 0.0
        for index in torch.randperm(n_rows).split(batch):
            adam.zero_grad()
            rows = X[index]
            value = loss(network(rows), rows)
            (value / len(index)).backward()
            adam.step()
            total += value.detach()
        return float(total) / n_rows

    return one_pass


def torch_joint(sizes, batch, n_rows, fused):
    """A pass of a deep auto-encoder with losses of its layers; returns a row's mean loss."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, linear

    torch.manual_seed(problems.SEED)
    X, n = torch.from_numpy(problems.rows(n_rows, sizes[0])), len(sizes) // 2
    weights, biases = [], []
    for n_in, n_out in pairwise(sizes):
        weights.append(torch.nn.Parameter(torch.empty(n_out, n_in)))
        torch.nn.init.xavier_uniform_(weights[-1])
        biases.append(torch.nn.Parameter(torch.zeros(n_out)))
    adam = torch.optim.Adam([*weights, *biases], fused=fused)

    def corrupted(values):
        return values * (torch.rand_like(values) >= 0.25)

    def loss(field, target):
        return binary_cross_entropy_with_logits(field, target, reduction="sum")

    def one_pass():
        total = 0.0
        for index in torch.randperm(n_rows).split(batch):
            adam.zero_grad()
            rows = X[index]
            values = [corrupted(rows)]
            for weight, bias in zip(weights, biases):
                field = linear(values[-1], weight, bias)
                values.append(torch.sigmoid(field))
            value = loss(field, rows)
            for k in range(n):
                # The first layer's hidden values are those of the whole.
                hidden = values[1]
                if k > 0:
                    hidden = torch.sigmoid(linear(corrupted(values[k]), weights[k], biases[k]))
                target = rows if k == 0 else values[k].detach()
                value = value + loss(linear(hidden, weights[-1 - k], biases[-1 - k]), target)
            (value / len(index)).backward()
            adam.step()
            total += value.detach()
        return float(total) / n_rows

    return one_pass


# ---- a stack of RBMs -------------------------------------------------------------------------


def torch_stack(kind, sizes, batch, n_rows):
    """A pass of a DRBN by hand, without autograd; returns the mean of the visible intercepts."""
    import torch

    torch.manual_seed(problems.SEED)
    X, rate = torch.from_numpy(problems.rows(n_rows, sizes[0])), 0.01 / batch
    layers = [
        (0.1 * torch.randn(a, b), torch.zeros(a), torch.zeros(b)) for a, b in pairwise(sizes)
    ]
    mean = X.mean(dim=0).clamp(1e-3, 1 - 1e-3)
    layers[0] = layers[0][0], (mean / (1 - mean)).log(), layers[0][2]

    def up(rows):
        means, states = [], [rows]
        for weights, _, above in layers:
            means.append(torch.addmm(above, states[-1], weights).sigmoid_())
            states.append(means[-1].bernoulli())
        return means, states

    chains = up(X[:batch])[1][-1]

    @torch.inference_mode()
    def one_pass():
        nonlocal chains
        for data in X.split(batch):
            data_means, data_states = up(data)
            top = data_states[-1] if kind == "CD" else chains
            for weights, below, _ in reversed(layers):
                top = torch.addmm(below, top, weights.T).sigmoid_().bernoulli()
            means, states = up(top)
            chains = states[-1]
            for k, (weights, below, above) in enumerate(layers):
                weights.addmm_(data_states[k].T, data_means[k], alpha=rate)
                weights.addmm_(states[k].T, means[k], alpha=-rate)
                below.add_((data_states[k] - states[k]).sum(dim=0), alpha=rate)
                above.add_((data_means[k] - means[k]).sum(dim=0), alpha=rate)
        return float(layers[0][1].mean())

    return one_pass
