"""The comparison and its experiments over several splits, as the README's table.

    python benchmarks/splits.py [--data tea] [--experiment inference] [--seeds 1 2 3 4 5] ...

Runs ``layerwise compare --data D --experiment E --seed S --output DIR/seedS`` for each seed, other
options handed on (folders that are there already are taken up), then prints what the candidates
best on validation reach, and the mean of each number of the experiment over splits, with its 95 %
interval by Student's t.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from layerwise import cli
from layerwise.compare.candidates import best
from layerwise.compare.statistics import over_splits
from layerwise.compare.tables import Table

SCORES = ("train_ll", "valid_ll", "test_ll", "blm_valid")


def main():
    """Run what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="tea")
    parser.add_argument("--experiment", default="inference")
    parser.add_argument("--output", type=Path, default=None, help="(default: layerwise-DATA)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options, others = parser.parse_known_args()
    output = options.output or Path(f"layerwise-{options.data}")

    records, results = [], []
    for seed in options.seeds:
        folder = output / f"seed{seed}"
        command = ["compare", "--data", options.data, "--experiment", options.experiment]
        if cli.main([*command, "--seed", str(seed), "--output", str(folder), *others]):
            raise SystemExit(1)
        result = json.loads((folder / f"{options.experiment}.json").read_text(encoding="utf-8"))
        results.append(result["summary"])
        path = folder / "results.jsonl"
        if path.exists():
            lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            records.append([line for line in lines if line["index"] < result["candidates"]])

    tables = [families(records)] if len(records) == len(results) else []
    tables.append(summary(options.experiment, results))
    page = "\n\n".join(table.markdown() for table in tables) + "\n"
    print(f"\n{page}")
    (output / f"{options.experiment}.md").write_text(page, encoding="utf-8")


def families(records):
    """Return the table of the best of each family, means over splits."""
    head = ["family", "training", "validation", "test", "BLM", "test, split by split"]
    table = Table("Best on validation", head, "Means over splits, in nats per row.")
    for family in dict.fromkeys(r["family"] for split in records for r in split):
        chosen = [best(split, family) for split in records]
        means = [float(np.mean([c[name] for c in chosen])) for name in SCORES]
        table.add(f"`{family}`", *means, ", ".join(f"{c['test_ll']:.2f}" for c in chosen))
    return table


def summary(experiment, results):
    """Return the table of an experiment's numbers, with intervals over splits."""
    note = "Mean over splits with its 95 % interval (Student's t), and in how many it is above 0."
    table = Table(f"Over splits: {experiment}", ["", "mean", "above 0"], note)
    for name in dict.fromkeys(name for result in results for name in result):
        values = [result[name] for result in results if name in result]
        above = f"{sum(value > 0 for value in values)} of {len(values)}"
        table.add(name, over_splits(values), above)
    return table


if __name__ == "__main__":
    main()
