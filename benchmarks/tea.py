"""The comparison on Tea over several splits, as the README's table.

    python benchmarks/tea.py [--output DIR] [--seeds 1 2 3 4 5]

Runs ``layerwise compare --seed S --output DIR/seedS`` for each seed (ten minutes on two cores;
folders that are there already are taken up), then prints the mean over seeds of the candidate best
on validation, and how candidates of the same sizes and rates compare in pairs.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from layerwise import cli
from layerwise.compare.candidates import best
from layerwise.compare.families import FAMILIES

SCORES = ("train_ll", "valid_ll", "test_ll", "blm_valid")


def main():
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("layerwise-tea"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()

    records = []
    for seed in options.seeds:
        folder = options.output / f"seed{seed}"
        if cli.main(["compare", "--seed", str(seed), "--output", str(folder)]):
            raise SystemExit(1)
        lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
        records.append([json.loads(line) for line in lines])

    print("\n| family | training | validation | test | BLM | test, split by split |")
    print("|---|---|---|---|---|---|")
    for family in FAMILIES:
        chosen = [best(split, family) for split in records]
        means = " | ".join(f"{np.mean([c[name] for c in chosen]):.2f}" for name in SCORES)
        splits = ", ".join(f"{c['test_ll']:.2f}" for c in chosen)
        print(f"| `{family}` | {means} | {splits} |")
    print()
    for tied in (True, False):
        gains = np.array([gain for split in records for gain in pairs(split, tied)])
        print(
            f"aeri against vanilla-ae with tied={tied}, same sizes and rates: better in "
            f"{np.sum(gains > 0)} of {len(gains)} pairs, median gain {np.median(gains):.2f} nats"
        )


def pairs(records, tied):
    """Yield aeri's gain in test log-likelihood where both learnt at a rate above 1e-3."""
    by_key = {(record["family"], record["index"]): record for record in records}
    for (family, index), record in by_key.items():
        if family != "vanilla-ae" or record["params"]["tied"] != tied:
            continue
        other = by_key["aeri", index]
        if record["params"]["learning_rate_bottom"] > 1e-3 and None not in (
            record["test_ll"],
            other["test_ll"],
        ):
            yield other["test_ll"] - record["test_ll"]


if __name__ == "__main__":
    main()
