"""What all benchmarks share: interleaved runs, medians, one way to print them."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence


def interleaved(
    runs: int, contenders: Mapping[str, Callable[[], float]], *, warm_up: int = 1
) -> dict[str, list[float]]:
    """Run all contenders in turn, so that a machine that changes its speed changes it for all.

    The warm-up does not count.
    """
    results: dict[str, list[float]] = {name: [] for name in contenders}
    for run in range(-warm_up, runs):
        for name, contender in contenders.items():
            value = contender()
            if run >= 0:
                results[name].append(value)
    return results


def report(
    title: str, results: Mapping[str, Sequence[float]], *, anchor: str | None = None, goal: str = "", unit: str = "s"
) -> None:
    """Print medians, and their ratio to the anchor's, as words and as a line of JSON."""
    medians = {name: statistics.median(values) for name, values in results.items()}
    print(f"\n{title}  ({platform.machine()}, {os.cpu_count()} cores, goal: {goal or 'none'})")
    for name, values in results.items():
        ratio = f"   {_ratio(values, results[anchor]):.3f} x" if anchor else ""
        spread = f"min {min(values):.4f}   max {max(values):.4f}   n {len(values)}"
        print(f"  {name:28} median {medians[name]:.4f} {unit}   {spread}{ratio}")
    ratios = {name: _ratio(values, results[anchor]) for name, values in results.items()} if anchor else {}
    print(json.dumps({"title": title, "unit": unit, "medians": medians, "ratios": ratios, "goal": goal}))


def _ratio(values: Sequence[float], anchor: Sequence[float]) -> float:
    """Median of the ratios run by run: what disturbs the machine for a while disturbs both runs of a pair."""
    return statistics.median(value / other for value, other in zip(values, anchor, strict=True))
