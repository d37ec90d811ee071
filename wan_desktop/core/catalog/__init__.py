"""The models this program knows, and what a video needs of each: sizes, lengths, defaults, files.

Data lies in `resources/catalog/`, one JSON file a model. A folder in diffusers' layout can be used without an entry.
"""

from wan_desktop.core.catalog.added import add_entry, metadata_for_folder, metadata_for_repo, modes_of
from wan_desktop.core.catalog.metadata import (
    Family,
    GenerationMode,
    ModelMetadata,
    Quality,
    VideoSize,
)
from wan_desktop.core.catalog.models import (
    BUILTIN_MODEL_ID,
    Model,
    bundled_models,
    find_model,
    installed_model,
    plan_for,
)
from wan_desktop.core.catalog.reading import Catalog, read_catalog
from wan_desktop.core.catalog.variants import Component, Loading, Part, Variant, WeightPrecision
from wan_desktop.core.store.conversion import Conversion

TEXT_LENGTH = 512
"""Tokens of a prompt that are read, the end token included (`max_sequence_length` of the Wan pipelines)."""

__all__ = [
    "BUILTIN_MODEL_ID",
    "TEXT_LENGTH",
    "Catalog",
    "Component",
    "Conversion",
    "Family",
    "GenerationMode",
    "Loading",
    "Model",
    "ModelMetadata",
    "Part",
    "Quality",
    "Variant",
    "VideoSize",
    "WeightPrecision",
    "add_entry",
    "bundled_models",
    "find_model",
    "installed_model",
    "metadata_for_folder",
    "metadata_for_repo",
    "modes_of",
    "plan_for",
    "read_catalog",
]
