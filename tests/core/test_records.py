"""Records to JSON and back."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.records import RecordError, from_plain, to_plain


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Outer:
    count: int
    ratio: float
    colour: Colour = Colour.RED
    path: Path | None = None
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    pair: tuple[int, int] = (0, 0)
    numbers: dict[str, float] | None = None


FULL = Outer(1, 0.5, Colour.RED, Path("a/b"), Inner("x"), (Inner("y"), Inner("z")), (3, 4), {"a": 1.0})


def test_that_a_record_comes_back_as_it_was() -> None:
    assert from_plain(Outer, to_plain(FULL)) == FULL


def test_that_absent_fields_take_their_default_and_unknown_ones_are_ignored() -> None:
    assert from_plain(Outer, {"count": 2, "ratio": 1, "new": []}) == Outer(2, 1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", "1"),
        ("count", True),
        ("count", 1.5),
        ("count", None),
        ("ratio", "x"),
        ("ratio", float("nan")),
        ("ratio", float("inf")),
        ("ratio", 10**400),
        ("ratio", True),
        ("colour", "green"),
        ("path", 3),
        ("inner", {}),
        ("inner", "x"),
        ("inners", {"name": "x"}),
        ("inners", [{"name": 1}]),
        ("pair", [1]),
        ("numbers", {"a": "b"}),
    ],
)
def test_that_a_wrong_value_is_an_error_that_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=field):
        from_plain(Outer, {**to_plain(FULL), field: value})


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_that_only_objects_become_records(data: Any) -> None:
    with pytest.raises(RecordError, match="expected an object"):
        from_plain(Outer, data)


def test_that_a_missing_field_is_named() -> None:
    with pytest.raises(RecordError, match="ratio is missing"):
        from_plain(Outer, {"count": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["count", "ratio", "colour", "path", "inner", "inners", "pair", "numbers"]), JSON)
)
def test_that_any_json_gives_a_record_or_a_record_error(data: dict[str, Any]) -> None:
    try:
        record = from_plain(Outer, data)
    except RecordError:
        return
    assert isinstance(record.count, int)
