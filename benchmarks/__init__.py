"""One file per goal, side by side with its anchor; figures are in docs/benchmarks.md."""
