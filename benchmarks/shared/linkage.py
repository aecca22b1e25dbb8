"""Other people's ways to match two tables, run in an environment of their own: `python linkage.py TOOL KEYS A.parquet
B.parquet FOUND.csv` writes the pairs (a, b) and prints the seconds that matching took. Called by benchmarks/tools.py.

Columns: id, amount (minor units), day (whole number), payer. Each is used as its own pages show it, on the conditions that
our rule has: the keys equal (`amount` or `amount,payer`), at most 4 days apart, no record twice.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable

import pandas as pd

NEAR = 4


def plain_loop(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """For each record of A the first of B that fits and is not taken: what most scripts do."""
    taken: set[int] = set()
    by_payer = "payer" in keys
    pairs = []
    entries = list(b.itertuples(index=False))
    for line in a.itertuples(index=False):
        for entry in entries:
            same = line.amount == entry.amount and (not by_payer or line.payer == entry.payer)
            fits = same and abs(entry.day - line.day) <= NEAR
            if fits and entry.id not in taken:
                taken.add(entry.id)
                pairs.append((line.id, entry.id))
                break
    return pd.DataFrame(pairs, columns=["a", "b"])


def by_datacompy(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Joined on the columns that must be equal; repeated keys are paired in order. It compares tables and has no window
    of days: rows that are further apart are dropped after."""
    import datacompy

    left, right = a.assign(own=a["id"]), b.assign(own=b["id"])
    compared = datacompy.PandasCompare(
        left.drop(columns="id"),
        right.drop(columns="id"),
        join_columns=keys,
        df1_name="a",
        df2_name="b",
    )
    rows = compared.intersect_rows
    rows = rows[(rows["day_a"] - rows["day_b"]).abs() <= NEAR]
    return rows[["own_a", "own_b"]].set_axis(["a", "b"], axis=1)


def by_recordlinkage(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Blocks of equal keys, and days by a linear likeness; the greedy one-to-one of its own."""
    import recordlinkage

    left, right = a.set_index("id"), b.set_index("id")
    index = recordlinkage.Index()
    index.block(keys)
    compare = recordlinkage.Compare()
    compare.numeric("day", "day", method="step", offset=NEAR, label="near")
    compare.numeric("day", "day", method="linear", offset=0, scale=NEAR, label="day")
    features = compare.compute(index.index(left, right), left, right)
    good = features[features["near"] == 1]
    linked = recordlinkage.OneToOneLinking().compute(good.sort_values("day", ascending=False).index)
    return linked.to_frame(index=False).set_axis(["a", "b"], axis=1)


def by_splink(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Probabilistic: trained by expectation maximisation, pairs of at least 0.9, the best of each record on both sides."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as cl

    api = DuckDBAPI()
    left, right = (frame.rename(columns={"id": "unique_id"}) for frame in (a, b))
    for frame in (left, right):
        frame["day"] = pd.to_datetime(frame["day"], unit="D")
    settings = SettingsCreator(
        link_type="link_only",
        blocking_rules_to_generate_predictions=[block_on("amount")],
        comparisons=[
            cl.ExactMatch("amount").configure(term_frequency_adjustments=True),
            *([cl.ExactMatch("payer")] if "payer" in keys else []),
            cl.AbsoluteDateDifferenceAtThresholds(
                "day", input_is_string=False, metrics=["day", "day"], thresholds=[1, NEAR]
            ),
        ],
    )
    tables = [
        api.register(frame, dataset_display_name=name)
        for frame, name in ((left, "side_a"), (right, "side_b"))
    ]
    linker = Linker(tables, settings)
    train = linker.training
    train.estimate_probability_two_random_records_match([block_on(*keys, "day")], recall=0.4)
    train.estimate_u_using_random_sampling(max_pairs=1e6)
    train.estimate_parameters_using_expectation_maximisation(block_on("amount"))
    train.estimate_parameters_using_expectation_maximisation(block_on(*keys[1:], "day"))
    found = linker.inference.predict(threshold_match_probability=0.9).as_pandas_dataframe()
    found = found.sort_values("match_probability", ascending=False)
    best = found.drop_duplicates("unique_id_l").drop_duplicates("unique_id_r")
    return best[["unique_id_l", "unique_id_r"]].set_axis(["a", "b"], axis=1)


TOOLS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, list[str]], pd.DataFrame]] = {
    "loop": plain_loop,
    "datacompy": by_datacompy,
    "recordlinkage": by_recordlinkage,
    "splink": by_splink,
}


def main(tool: str, keys: str, side_a: str, side_b: str, found: str) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    a, b = pd.read_parquet(side_a), pd.read_parquet(side_b)
    start = time.perf_counter()
    pairs = TOOLS[tool](a, b, keys.split(","))
    print(time.perf_counter() - start)
    pairs.to_csv(found, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
