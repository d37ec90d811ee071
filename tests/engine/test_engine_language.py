"""The engine's process speaks the window's language, over the real pipes."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import ModelNotFoundError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Load
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.words import use_language

TEXTS = resources_folder() / "translations"


@pytest.fixture
def client() -> Iterator[EngineClient]:
    """An engine that is started by its first job."""
    made = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    yield made
    made.stop()
    use_language(TEXTS, "en")


@pytest.mark.parametrize(
    ("language", "message", "hint"),
    [
        ("de", "Unter {} gibt es keinen Modellordner.", "Wählen Sie den Ordner, der model_index.json enthält."),
        ("en", "There is no model folder at {}.", "Choose the folder that holds model_index.json."),
    ],
)
def test_that_errors_of_the_engine_are_in_the_language_of_the_window(
    client: EngineClient, language: str, message: str, hint: str, tmp_path: Path
) -> None:
    use_language(TEXTS, language)
    folder = tmp_path / "gone"
    with pytest.raises(ModelNotFoundError) as raised:
        client.load(
            Load(job="load", model_folder=folder, plan=LoadPlan()),
            on_event=lambda _: None,
            cancel_asked=threading.Event(),
        )
    assert raised.value.message == message.format(folder)
    assert raised.value.hint == hint
    assert raised.value.code == "model-not-found"
