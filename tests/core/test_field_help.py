"""Every help text of a field says what it does and what to choose."""

import dataclasses

from wan_desktop.core.field_help import help_of, setting_id
from wan_desktop.core.field_help_texts import ENTRIES
from wan_desktop.core.settings import Settings


def test_that_ids_are_unique_and_found() -> None:
    ids = [entry.field_id for entry in ENTRIES]
    assert len(set(ids)) == len(ids)
    assert [help_of(field_id) for field_id in ids] == list(ENTRIES)
    assert help_of("create.nothing") is None


def test_that_each_text_is_short_and_a_sentence() -> None:
    for entry in ENTRIES:
        assert 0 < len(entry.title) <= 50
        for text in (entry.does, entry.choose):
            assert 15 < len(text) <= 230, entry.field_id
            assert not text[0].islower()
            assert text.endswith(".")


def test_that_settings_with_help_are_settings() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    elsewhere = {setting_id(name) for name in ("token", "learned_limits", "reset_all")}
    ids = {entry.field_id for entry in ENTRIES if entry.field_id.startswith("settings.")}
    assert ids - elsewhere <= {setting_id(field) for field in fields}
