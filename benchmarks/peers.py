"""Side by side with what a user would run instead, and with what the machine can do.

    python benchmarks/peers.py [--threads 1 2] [--only PATTERN] [--repeats 9] [--quick] [--long]

Prints one table: for each contest the medians of both sides, their ratio, what is required of it,
and the stretch to aim at. Only ratios of one run are to be trusted: seconds move by a factor of
two on a shared machine. The sides take turns, each in a process of its own (sides.py), with the
threads that the table states; one turn takes a tenth of a second or one call, whichever is longer,
and a contest ends after ``--repeats`` turns or 15 seconds. Each rival (rivals.py) must agree with
us on a small problem before it is timed; where that is not installed, its rows say so.
"""

import argparse
import os
import statistics
import time
from itertools import product
from typing import NamedTuple

import numpy as np
import problems
from sides import Sides


class Kind(NamedTuple):
    """What a contest's figure is, and on which side of the bars it should be."""

    figure: str  # of the seconds of ours and theirs
    sign: str
    unit: str
    scale: float = 1


FASTER = Kind("theirs / ours", ">=", "x")
SLOWER = Kind("ours / theirs", "<=", "x")
SHARE = Kind("theirs / ours", ">=", "%", 100)  # of a ceiling: theirs is the time it would take
SECONDS = Kind("ours", "<=", " s")  # absolute: the one kind that depends on the machine


class Contest(NamedTuple):
    """One row. Tasks are a function of ours.py or of rivals.py, and its arguments."""

    name: str
    rival: str  # its first word names its library, and so its process
    ours: tuple
    theirs: tuple = ()
    kind: Kind = FASTER
    required: float | None = None
    stretch: float | None = None
    threads: int = 1
    rival_threads: int | None = None  # if not as many as ours
    check: tuple = ()  # a comparison, its small task for both sides, and how many calls


# ---- what is asked before a rival is timed ---------------------------------------------------


def equal(ours, theirs):
    """Numbers are equal up to rounding."""
    np.testing.assert_allclose(theirs, ours, rtol=1e-10)


def nearly_equal(ours, theirs):
    """Means over many states, of chains that started alike."""
    assert abs(theirs - ours) < 0.02, (ours, theirs)


def equally_good(ours, theirs):
    """RBMs of 16 visible units, trained alike, give the rows the same likelihood."""
    X = problems.rows(1000, 16, float)
    nats = [problems.rbm_log_likelihood(*params, X) for params in (ours, theirs)]
    mean = X.mean(axis=0)
    independent = np.sum(mean * np.log(mean) + (1 - mean) * np.log1p(-mean))
    assert min(nats) > independent + 1, (nats, independent)
    assert abs(nats[0] - nats[1]) < 0.15, nats


def equal_losses(ours, theirs):
    """Auto-encoders trained alike from different random weights lose about the same."""
    assert abs(theirs / ours - 1) < 0.05, (ours, theirs)


def close(ours, theirs):
    """Intercepts of stacks trained alike from different random weights."""
    assert abs(theirs - ours) < 0.1, (ours, theirs)


# ---- the contests ----------------------------------------------------------------------------


def log_z():
    """Log Z in float64 against what else there is. Slow rivals list 2^18 states at m = 784."""
    for m, n_slow in ((100, 20), (784, 18)):
        for rival, function, n, required, stretch in (
            ("numpy logaddexp", "numpy_logaddexp", n_slow, 300, 400),
            ("numpy tables, log1p", "numpy_tables", 20, 30, 45),
            ("numpy add+mul", "numpy_product", 20, 15, 25),
            ("numba Gray code", "numba_log_z", n_slow, 200, 300),
            ("torch softplus", "torch_log_z", n_slow, 100, 130),
        ):
            yield Contest(
                f"log Z, n={n} m={m}",
                rival,
                ("log_z", n, m),
                (function, n, m),
                FASTER,
                required,
                stretch,
                check=(equal, ("log_z", 14, m), (function, 14, m), 1),
            )


def log_z_itself():
    """Log Z against the machine, the clock, one thread, and easier weights."""
    for n, m, threads in ((20, 784, 1), (23, 784, 2)):
        yield Contest(
            f"log Z, n={n} m={m}, share of peak",
            "peak add+mul f64",
            ("log_z", n, m),
            ("peak_add_mul", 2**n * m // threads),
            SHARE,
            60,
            80,
            threads,
            rival_threads=1,
        )
    for n, m, required, stretch in ((25, 784, 1, 0.55), (30, 100, 4, 2.5)):
        task = ("log_z", n, m)
        yield Contest(f"log Z, n={n} m={m}", "", task, (), SECONDS, required, stretch, 2)
    task = ("log_z", 23, 784)
    yield Contest(
        "log Z, n=23 m=784", "ours, 1 thread", task, task, FASTER, 1.8, 1.95, 2, rival_threads=1
    )
    easy = ("log_z", 18, 100)
    for sd, bias_sd, required, stretch in ((50.0, 200.0, 4, 3), (200.0, 500.0, 30, 20)):
        yield Contest(
            f"log Z, n=18 m=100, sd {sd:.0f}, biases {bias_sd:.0f}",
            "ours, sd 0.1",
            (*easy, sd, bias_sd),
            easy,
            SLOWER,
            required,
            stretch,
        )
    for n, m in ((16, 784), (20, 100)):
        for single, required, stretch in ((False, 8, 6.5), (True, 5, 3.7)):
            yield Contest(
                f"moments, n={n} m={m}, {'float32 backward' if single else 'float64'}",
                "ours, log Z",
                ("moments", n, m, single),
                ("log_z", n, m),
                SLOWER,
                required,
                stretch,
            )


def deep():
    """Log-likelihoods of 2,000 rows of 100 under 2^16 latent states, and the best marginal."""
    for sd, function, required in (
        (0.3, "numpy_deep_logaddexp", 30),
        (0.3, "numpy_deep_exp", 30),
        (30.0, "numpy_deep_exp", None),
    ):
        yield Contest(
            f"deep log-likelihood, n=16, 2,000 rows, sd {sd:g}",
            function.replace("_deep_", " table, "),
            ("deep", 16, 2000, sd),
            (function, 16, 2000, sd),
            FASTER,
            required,
            check=(equal, ("deep", 13, 50, sd), (function, 13, 50, sd), 1),
        )
    yield Contest(
        "best marginal, n=16, 1,797 rows of 64, to 1e-4",
        "",
        ("digits_marginal", 1e-4),
        (),
        SECONDS,
        20,
    )


def ascent():
    """The exact gradient of a deep model, and what it is made of."""
    task, small = (16, 250, 112, 100), (10, 50, 30, 20)
    for threads in (1, 2):
        yield Contest(
            "exact ascent, n=16, 250 rows of 112, RBM(100)",
            "torch autograd",
            ("likelihood_ascent", *task),
            ("torch_likelihood_ascent", *task),
            FASTER,
            15,
            40,
            threads=threads,
            check=(
                equal, ("likelihood_ascent", *small), ("torch_likelihood_ascent", *small), 5,
            ),
        )  # fmt: skip
    for single in (False, True):
        yield Contest(
            f"moments under weights, n=16 m=784, {'float32' if single else 'float64'}",
            "ours, moments",
            ("moments_under", 16, 784, single),
            ("moments", 16, 784, single),
            SLOWER,
            1.2,
        )
    yield Contest(
        "draws of the posterior, n=16, 2,000 rows",
        "ours, likelihoods",
        ("posterior_draws", 16, 2000, 0.3),
        ("listed_likelihood", 16, 2000, 0.3),
        SLOWER,
        1.5,
    )


def long_marginal():
    """Return the best latent marginal of 4,000 rows of 100, to 1e-6 nats."""
    name = "best marginal, n=16, 4,000 rows of 100, to 1e-6"
    return Contest(name, "", ("own_marginal", 4000, 1e-6), (), SECONDS, stretch=60)


def contrastive():
    """PCD-1 in float32, plain gradient descent; at one thread also CD-1."""
    large, wide, small, tiny = (784, 500, 100), (784, 128, 10), (64, 256, 10), (100, 16, 10)
    sk, torch, numpy = "sklearn_pcd", "torch_pcd", "numpy_pcd"
    for kind, sizes, function, required, stretch, threads in (
        ("PCD", large, sk, 2.5, 3.5, 1),
        ("PCD", large, torch, 2, 3, 1),
        ("PCD", large, numpy, 1.8, 2.4, 1),
        ("PCD", large, sk, 3.5, 6, 2),
        ("PCD", large, torch, 2.8, 3.7, 2),
        ("PCD", large, numpy, 2.2, 2.9, 2),
        ("PCD", wide, sk, 4, 6, 1),
        ("PCD", wide, torch, 2, 3, 1),
        ("PCD", small, sk, 8, 13, 1),
        ("PCD", small, torch, 5, 6, 1),
        ("PCD", small, numpy, 4, 6, 1),
        ("PCD", tiny, sk, 5, 8, 1),
        ("PCD", tiny, torch, 4, 5, 1),
        ("PCD", tiny, numpy, 3, 6, 1),
        ("CD", large, sk, 1, None, 1),
        ("CD", tiny, sk, 3, None, 1),
    ):
        n_visible, n_hidden, batch = sizes
        learnt = (16, 8, 50, 1000)
        yield Contest(
            f"{kind}-1 {n_visible}x{n_hidden}, batch {batch}",
            function.replace("_pcd", " f32"),
            ("contrastive", kind, *sizes, 1000),
            (function, *sizes, 1000),
            FASTER,
            required,
            stretch,
            threads,
            check=(equally_good, ("contrastive", kind, *learnt), (function, *learnt), 300),
        )
    # Five products of 2 n_visible n_hidden operations for each row, were they done as products.
    for threads in (1, 2):
        yield Contest(
            "PCD-1 784x500, batch 100, share of peak",
            "peak FMA f32",
            ("contrastive", "PCD", *large, 1000),
            ("peak_multiply_add", 5 * 784 * 500 * 1000 // threads),
            SHARE,
            120,
            150,
            threads,
            rival_threads=1,
        )


def dense():
    """PCD-1 in float32 on rows of real values, against torch; other units against Bernoulli."""
    sizes = (784, 500, 100, 1000)
    for threads in (1, 2):
        yield Contest(
            "PCD-1 784x500, batch 100, grey rows",
            "torch f32",
            ("dense", "bernoulli", *sizes),
            ("torch_pcd", *sizes, True),
            FASTER,
            1,
            threads=threads,
        )
    for kind in ("gaussian", "softmax"):
        yield Contest(
            f"PCD-1 784x500, batch 100, {kind} units",
            "ours, Bernoulli units on grey rows",
            ("dense", kind, *sizes),
            ("dense", "bernoulli", *sizes),
            SLOWER,
            1.3,
        )


def gibbs():
    """Gibbs steps in float32, against the same, and against their matrix products alone."""
    for task in ((784, 500, 112, 50), (784, 500, 32, 50), (100, 16, 100, 500)):
        n_visible, n_hidden, n_chains, _ = task
        for function, rival in (
            ("numpy_gibbs", "numpy f32"),
            ("torch_gibbs", "torch f32"),
            ("numpy_gibbs_products", "numpy, products alone"),
        ):
            check = (nearly_equal, ("gibbs", *task), (function, *task), 1)
            yield Contest(
                f"Gibbs steps {n_visible}x{n_hidden}, {n_chains} chains",
                rival,
                ("gibbs", *task),
                (function, *task),
                check=() if "alone" in rival else check,
            )


def annealed():
    """The first of 10,000 betas of annealing, in float32, with 100 chains."""
    small = (30, 20, 2000, 100, 100)
    task = (784, 500, 100, 10_000, 200)
    rivals = (("numpy_annealed", "numpy f32", 4, 8), ("torch_annealed", "torch f32", 3.5, 5.5))
    for n_threads in (1, 2):
        for function, rival, required, stretch in rivals:
            yield Contest(
                "AIS 784x500, 100 chains, 200 betas",
                rival,
                ("annealed", *task),
                (function, *task),
                FASTER,
                required,
                stretch,
                threads=n_threads,
                check=(close, ("annealed", *small), (function, *small), 1),
            )
        summed = (30, 20, 500, 1000)
        yield Contest(
            "AIS 784x500, 100 chains, log Z by 200 betas",
            "rbms",
            ("annealed_log_z", 784, 500, 100, 200),
            ("rbms_log_z", 784, 500, 100, 200),
            FASTER,
            3.5,
            threads=n_threads,
            check=(close, ("annealed_log_z", *summed), ("rbms_log_z", *summed), 1),
        )


def backprop():
    """Back-propagation in float32 with Adam."""
    for sizes, batch, n_rows, required in (
        ((100, 200, 16, 100), 20, 800, 4),
        ((784, 500, 784), 100, 1000, 1),
    ):
        for fused in (True, False):
            small = ((40, 30, 8, 40), 20, 800)
            yield Contest(
                f"Adam {'-'.join(map(str, sizes))}, batch {batch}",
                "torch, fused Adam" if fused else "torch, Adam",
                ("backprop", sizes, batch, n_rows),
                ("torch_backprop", sizes, batch, n_rows, fused),
                FASTER,
                required,
                check=(equal_losses, ("backprop", *small), ("torch_backprop", *small, fused), 60),
            )


def fine_tuning():
    """Training of a ReLU classifier in float32 with Adam, beside others' of the same net.

    On rows without zeros, and on images, whose dark pixels cost us nothing.
    """
    sizes, small = (784, 500, 500, 500, 10), (20, 30, 30, 3)
    settings = ((100, 2000, 1), (20, 500, 1), (100, 2000, 2), (20, 500, 2))
    rivals = (
        ("torch, fused Adam", "torch_fine_tuning", (True,), 1),
        ("torch, Adam", "torch_fine_tuning", (False,), 1),
        ("sklearn MLPClassifier", "sklearn_fine_tuning", (), 3),
    )
    for images, (batch, n_rows, threads) in product(((), (True,)), settings):
        task, checked = (sizes, batch, n_rows), (small, 20, 600)
        for rival, function, more, required in rivals:
            yield Contest(
                f"fine-tuning {'-'.join(map(str, sizes))}, batch {batch}"
                f"{', images' if images else ''}",
                rival,
                ("fine_tuning", *task, *images),
                (function, *task, *more, *images),
                FASTER,
                required,
                threads=threads,
                check=(equal_losses, ("fine_tuning", *checked), (function, *checked, *more), 10),
            )


def deep_at_once():
    """Deep models whose layers are trained at once, in float32."""
    sizes, small = (784, 500, 200, 500, 784), ((40, 30, 8, 30, 40), 20, 800)
    for fused in (True, False):
        yield Contest(
            f"joint {'-'.join(map(str, sizes))}, batch 100",
            "torch, fused Adam" if fused else "torch, Adam",
            ("joint", sizes, 100, 1000),
            ("torch_joint", sizes, 100, 1000, fused),
            FASTER,
            1,
            check=(equal_losses, ("joint", *small), ("torch_joint", *small, fused), 60),
        )
    sizes, small = (784, 500, 500, 1000), ((40, 30, 20), 20, 400)
    for kind in ("CD", "PCD"):
        yield Contest(
            f"DRBN {kind}-1 {'-'.join(map(str, sizes))}, batch 100",
            "torch f32",
            ("stack", kind, sizes, 100, 1000),
            ("torch_stack", kind, sizes, 100, 1000),
            FASTER,
            1,
            check=(close, ("stack", kind, *small), ("torch_stack", kind, *small), 60),
        )


def all_contests(long=False):
    """Return all rows but those of bits."""
    contests = [
        *log_z(),
        *log_z_itself(),
        *deep(),
        *ascent(),
        *contrastive(),
        *dense(),
        *gibbs(),
        *annealed(),
        *backprop(),
        *fine_tuning(),
        *deep_at_once(),
    ]
    return [*contests, long_marginal()] if long else contests


# ---- the table -------------------------------------------------------------------------------

HEAD = ("contest", "threads", "rival", "ours ms", "theirs ms", "ratio", "required", "stretch",
        "met", "turns")  # fmt: skip
WIDTHS = (50, 7, 22, 9, 9, 7, 8, 9, 8, 5)


def row(*cells, widths=WIDTHS):
    """Return a row of a table, as Markdown."""
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths)]
    return f"| {' | '.join(padded)} |"


def bar(value, kind):
    """Return a bar as it is printed."""
    return "" if value is None else f"{kind.sign} {value:g}{kind.unit}"


def met(figure, contest):
    """Return which of its bars a figure meets."""

    def meets(value):
        return figure >= value if contest.kind.sign == ">=" else figure <= value

    if contest.stretch is not None and meets(contest.stretch):
        return "stretch"
    if contest.required is None:
        return "" if contest.stretch is None else "missed"
    return "required" if meets(contest.required) else "MISSED"


def compete(contest, sides, options, checked):
    """Run a contest, and return its row."""
    library = contest.rival.replace(",", " ").split()[0] if contest.rival else ""
    ours = ("ours", contest.threads), ("ours", *contest.ours)
    module = "ours" if library == "ours" else "rivals"
    theirs = (library, contest.rival_threads or contest.threads), (module, *contest.theirs)

    if contest.check and (contest.check, contest.threads) not in checked:
        compare, our_task, their_task, calls = contest.check
        compare(
            sides.value(ours[0], ("ours", *our_task), calls),
            sides.value(theirs[0], (module, *their_task), calls),
        )
        checked.add((contest.check, contest.threads))

    contestants = [ours, theirs] if contest.theirs else [ours]
    turns = []
    start = time.perf_counter()
    while len(turns) < options.repeats and time.perf_counter() - start < options.box:
        turns.append([sides.seconds(*one, options.least) for one in contestants])
    medians = [statistics.median(seconds) for seconds in zip(*turns)]

    kind = contest.kind
    figure = medians[0]
    if contest.theirs:
        figure = medians[0] / medians[1] if kind is SLOWER else medians[1] / medians[0]
    figure *= kind.scale
    return row(
        contest.name,
        contest.threads,
        contest.rival,
        *(f"{1000 * seconds:.5g}" for seconds in medians),
        *([] if contest.theirs else [""]),
        f"{figure:.3g}{kind.unit}",
        bar(contest.required, kind),
        bar(contest.stretch, kind),
        met(figure, contest),
        len(turns),
    )


def bits_row(name, task, sides):
    """Return the row that says whether a result has the same bits for any number of threads."""
    values = {sides.value(("ours", threads), ("ours", "bits", *task)) for threads in (1, 2, 3, 5)}
    same = "yes" if len(values) == 1 else "no"
    verdict = "required" if same == "yes" else "MISSED"
    return row(f"same bits, {name}", "1 2 3 5", "", "", "", same, "yes", "", verdict, "")


def machine(sides):
    """Return a sentence on what one core can do, and with which vectors."""
    side, work = ("peak", 1), 10**9
    pairs, multiply_adds = (
        work / 1e9 / sides.seconds(side, ("rivals", function, work), 0.3)
        for function in ("peak_add_mul", "peak_multiply_add")
    )
    vectors = sides.value(side, ("rivals", "peak_vectors"))
    return (
        f"Peak of one core, in registers, {vectors}: {pairs:.1f} billion pairs of add and mul "
        f"a second in float64, {2 * multiply_adds:.0f} GF/s of FMA in float32."
    )


def main():
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="rows to print")
    parser.add_argument("--only", default="", metavar="PATTERN", help="in the contest or rival")
    parser.add_argument("--repeats", type=int, default=9, help="turns of each side, at most")
    parser.add_argument("--quick", action="store_true", help="one short turn of each side")
    parser.add_argument("--long", action="store_true", help="also what takes minutes")
    options = parser.parse_args()
    options.least, options.box = 0.1, 15
    if options.quick:
        options.repeats, options.least = 1, 0.01

    contests = all_contests(options.long)
    begin, checked = time.perf_counter(), set()
    with Sides() as sides:
        try:
            print(machine(sides))
        except NotImplementedError as missing:
            print(f"{missing}: shares of the machine's peak are left out.")
        print(
            f"{os.cpu_count()} cores; both sides have the stated threads, a peak is one core's."
            "\nRatios are theirs / ours, or ours / theirs where a bar says <=; seconds are ours.\n"
        )
        print(row(*HEAD), row(*("-" * width for width in WIDTHS)), sep="\n")
        for threads in options.threads:
            for contest in contests:
                if contest.threads != threads:
                    continue
                if options.only.lower() not in f"{contest.name} {contest.rival}".lower():
                    continue
                try:
                    printed = compete(contest, sides, options, checked)
                except ModuleNotFoundError as missing:
                    note = f"skipped: {missing.name} is not installed"
                    printed = row(contest.name, threads, contest.rival, note)
                except NotImplementedError as missing:
                    printed = row(contest.name, threads, contest.rival, f"skipped: {missing}")
                print(printed, flush=True)
        for name, task in (
            ("log Z n=18 m=100", ("log Z", 18, 100)),
            ("log Z n=18 m=100, sd 200", ("log Z", 18, 100, 200.0, 500.0)),
            ("a pass of PCD 784x500", ("PCD", 784, 500, 100, 1000)),
            ("a pass of PCD 100x16", ("PCD", 100, 16, 10, 1000)),
        ):
            if options.only.lower() in f"same bits, {name}".lower():
                print(bits_row(name, task, sides), flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s in all.")


if __name__ == "__main__":
    main()
