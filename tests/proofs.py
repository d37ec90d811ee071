"""Which cases of a test run each time, and which as proofs only (`python3 dev.py proofs`): all of them take minutes."""

from collections.abc import Iterable

import pytest


def mostly_proofs(cases: Iterable[object], *each_time: object) -> list[object]:
    """The cases for `pytest.mark.parametrize`; those that are not named here are slow ones.

    Raises:
        ValueError: One that is to run each time is not among them.
    """
    known = list(cases)
    if missing := [case for case in each_time if case not in known]:
        raise ValueError(f"no such case: {missing}")
    return [case if case in each_time else _slow(case) for case in known]


def _slow(case: object) -> object:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)
