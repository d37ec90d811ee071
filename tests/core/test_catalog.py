"""What the catalog says, whether it can be true, and what becomes of a file that cannot be used."""

import copy
import json
import shutil
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.catalog import (
    Catalog,
    Component,
    Conversion,
    GenerationMode,
    Loading,
    ModelMetadata,
    Variant,
    find_model,
    metadata_for_repo,
    read_catalog,
)
from wan_desktop.core.catalog.metadata import check_model_id
from wan_desktop.core.errors import CatalogError, ModelNotFoundError
from wan_desktop.core.generation import FPS_RANGE, GUIDANCE_RANGE, SHIFT_RANGE, STEPS_RANGE
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.names import is_wanted

SHIPPED = read_catalog(resources_folder())
MODELS = [pytest.param(metadata, id=model_id) for model_id, metadata in SHIPPED.items()]
DOWNLOADED = [
    pytest.param(metadata, variant, id=f"{model_id}-{variant.name}")
    for model_id, metadata in SHIPPED.items()
    for variant in metadata.variants
    if variant.parts
]
T2V, I2V, TI2V = GenerationMode.T2V, GenerationMode.I2V, GenerationMode.TI2V
WIDE_480, WIDE_720, WIDE_704 = (832, 480), (1280, 720), (1280, 704)
# Reference settings of Wan's own code, with guidance in the words of diffusers: for high noise, then for low noise.
REFERENCE = {
    "wan2.1-t2v-1.3b": ((T2V,), 8, 50, 6, None, {WIDE_480}, 81, 16),
    "wan2.1-t2v-14b": ((T2V,), 5, 50, 5, None, {WIDE_480, WIDE_720}, 81, 16),
    "wan2.1-i2v-14b-480p": ((I2V, TI2V), 3, 40, 5, None, {WIDE_480}, 81, 16),
    "wan2.1-i2v-14b-720p": ((I2V, TI2V), 5, 40, 5, None, {WIDE_480, WIDE_720}, 81, 16),
    "wan2.2-t2v-a14b": ((T2V,), 12, 40, 4, 3, {WIDE_480, WIDE_720}, 81, 16),
    "wan2.2-i2v-a14b": ((I2V, TI2V), 5, 40, 3.5, 3.5, {WIDE_480, WIDE_720}, 81, 16),
    "wan2.2-ti2v-5b": ((T2V, I2V, TI2V), 5, 50, 5, None, {WIDE_704}, 121, 24),
}


# What it says --------------------------------------------------------------------------------------------------------


def test_that_every_entry_can_be_read_and_comes_back_as_it_was() -> None:
    assert dict(SHIPPED.problems) == {}
    assert set(SHIPPED) == {"shapes", *REFERENCE}
    assert all(from_plain(ModelMetadata, to_plain(metadata)) == metadata for metadata in SHIPPED.values())


@pytest.mark.parametrize("model_id", REFERENCE)
def test_that_defaults_are_those_of_wans_own_code(model_id: str) -> None:
    data = SHIPPED[model_id]
    wide = {(size.width, size.height) for size in data.sizes if size.shape == "Wide"}
    assert REFERENCE[model_id] == (
        data.modes, data.flow_shift, data.num_inference_steps, data.guidance_scale, data.guidance_scale_2, wide,
        data.num_frames, data.fps,
    )  # fmt: skip
    assert {(size.height, size.width) for size in data.sizes if size.shape == "Tall"} == wide


@pytest.mark.parametrize("metadata", MODELS)
def test_that_the_defaults_can_be_made_as_they_are(metadata: ModelMetadata) -> None:
    multiple = 32 if metadata.model_id in ("shapes", "wan2.2-ti2v-5b") else 16
    assert all(size.width % multiple == size.height % multiple == 0 for size in metadata.sizes)
    assert metadata.num_frames in metadata.num_frames_choices
    assert metadata.num_inference_steps in [quality.num_inference_steps for quality in metadata.qualities]
    for value, (low, high) in (
        (metadata.fps, FPS_RANGE),
        (metadata.num_inference_steps, STEPS_RANGE),
        (metadata.guidance_scale, GUIDANCE_RANGE),
        (metadata.guidance_scale_2 or 1, GUIDANCE_RANGE),
        (metadata.flow_shift or 1, SHIFT_RANGE),
    ):
        assert low <= value <= high


def test_that_the_builtin_models_modes_are_those_of_its_folder(resources: Path) -> None:
    assert SHIPPED["shapes"].modes == find_model("shapes", resources).modes


@pytest.mark.parametrize("metadata", MODELS)
def test_that_every_fallback_is_known_and_makes_some_of_the_same(metadata: ModelMetadata) -> None:
    fallbacks = SHIPPED.fallbacks(metadata.model_id)
    assert tuple(fallback.model_id for fallback in fallbacks) == metadata.fallback_model_ids
    assert all(set(fallback.modes) & set(metadata.modes) for fallback in fallbacks)


def test_that_fallbacks_never_lead_back() -> None:
    order = TopologicalSorter({model_id: metadata.fallback_model_ids for model_id, metadata in SHIPPED.items()})
    assert set(order.static_order()) == set(SHIPPED)


@pytest.mark.parametrize("metadata", MODELS)
def test_that_what_is_unconfirmed_names_its_subject(metadata: ModelMetadata) -> None:
    subjects = {variant.name for variant in metadata.variants} | set(Component) | set(to_plain(metadata))
    assert {line.partition(": ")[0] for line in metadata.unconfirmed} <= subjects
    assert all(line.partition(": ")[2] for line in metadata.unconfirmed)


# What is downloaded --------------------------------------------------------------------------------------------------

REPOSITORY = [
    "README.md",
    "model_index.json",
    "scheduler/scheduler_config.json",
    "image_processor/preprocessor_config.json",
    *(f"tokenizer/{name}" for name in ("spiece.model", "tokenizer.json", "tokenizer_config.json")),
    *(
        f"{folder}/{name}"
        for folder in ("transformer", "transformer_2", "vae", "text_encoder", "image_encoder")
        for name in ("config.json", "model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors")
    ),
]  # fmt: skip
"""What an official repository holds, more or less."""


@pytest.mark.parametrize(("metadata", "variant"), DOWNLOADED)
def test_that_a_variant_is_a_complete_folder(metadata: ModelMetadata, variant: Variant) -> None:
    files = [
        path for part in variant.parts for path in part.choose([*REPOSITORY, *part.exact_paths, *part.include]).values()
    ]
    experts = ["transformer", "transformer_2"][: 1 + ("transformer_2" in metadata.parameters)]
    clip = ["image_encoder", "image_processor"] if "image_encoder" in metadata.parameters else []
    folders = {path.partition("/")[0] for path in files if "/" in path}
    assert folders == {"scheduler", "tokenizer", "text_encoder", "vae", *experts, *clip}
    assert "model_index.json" in files
    assert {f"{expert}/config.json" for expert in experts} <= set(files)
    assert len(variant.transformer_files) == (0 if variant.loads is Loading.DIFFUSERS else len(experts))
    assert str(ModelKey(metadata.model_id, variant.name)) == f"{metadata.model_id}--{variant.name}"


@pytest.mark.parametrize(("metadata", "variant"), DOWNLOADED)
def test_that_experts_come_in_the_order_high_noise_low_noise(metadata: ModelMetadata, variant: Variant) -> None:
    names = [name.lower() for name in variant.transformer_files]
    experts = [part.component for part in variant.parts if part.component.startswith("transformer")]
    assert experts == [Component.TRANSFORMER, Component.TRANSFORMER_2][: len(experts)]
    assert [name.partition("/")[0] for name in names] in ([], experts)
    if len(names) == 2:
        assert ["high" in name for name in names] == ["low" not in name for name in names] == [True, False]


@pytest.mark.parametrize(("metadata", "variant"), DOWNLOADED)
def test_that_what_needs_more_space_for_a_while_comes_first(metadata: ModelMetadata, variant: Variant) -> None:
    converted = [part.conversion is Conversion.BF16 for part in variant.parts]
    assert converted == sorted(converted, reverse=True)
    assert any(converted) == (variant.name == "bf16")
    assert variant.parts[-1].component is Component.TEXT_ENCODER
    unfinished_bytes = [part.size_bytes - part.size_on_disk_bytes for part in variant.parts]
    assert max(unfinished_bytes) < 2 * variant.size_on_disk_bytes


@pytest.mark.parametrize(
    ("model_id", "variant", "download_gb", "disk_gb"),
    [
        ("wan2.2-t2v-a14b", "bf16", 126.2, 69.2),
        ("wan2.2-i2v-a14b", "bf16", 126.2, 69.2),
        ("wan2.2-ti2v-5b", "bf16", 34.2, 24.2),
        ("wan2.1-i2v-14b-480p", "bf16", 90.1 - 22.7 + 11.4, 46.0),  # without its own text encoder
        ("wan2.1-t2v-14b", "bf16", 80.4 - 22.7 + 11.4, 40.5),
        ("wan2.1-t2v-1.3b", "bf16", 28.9 - 22.7 + 11.4, 14.7),
        ("wan2.2-t2v-a14b", "Q8_0", 2 * 15.4 + 11.9, 2 * 15.4 + 11.9),
        ("wan2.2-t2v-a14b", "Q4_K_M", 2 * 9.7 + 11.9, 2 * 9.7 + 11.9),
    ],
)
def test_that_sizes_are_those_that_are_known(model_id: str, variant: str, download_gb: float, disk_gb: float) -> None:
    found = SHIPPED[model_id].variant(variant)
    assert found.download_bytes / 1e9 == pytest.approx(download_gb, abs=0.15)
    assert found.size_on_disk_bytes / 1e9 == pytest.approx(disk_gb, abs=0.15)


def test_that_all_models_of_2_1_share_one_text_encoder() -> None:
    parts = [part for metadata in SHIPPED.values() for variant in metadata.variants for part in variant.parts]
    encoders = [part for part in parts if part.component is Component.TEXT_ENCODER]
    assert {part.size_bytes for part in encoders} == {11_361_851_208}
    assert all(is_wanted(name) for part in parts for name in part.include if "*" not in name)


# Reading -------------------------------------------------------------------------------------------------------------


def write_entry(folder: Path, plain: Any, name: str = "model") -> Path:
    """An entry, with the model's id set to the file's name where it has one."""
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(plain), encoding="utf-8")
    return file


def places(plain: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in an entry."""
    yield path
    items = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value there."""
    if not path:
        return value
    changed = copy.deepcopy(plain)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def at(plain: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        plain = plain[key]
    return plain


RUBBISH: dict[type, tuple[Any, ...]] = {
    str: (7, None, [], {}, True, "\ud800", "\n", "x" * 5000),
    int: ("7", None, [], {}, True, -1, 1.5, 10**400, float("nan")),
    float: ("7", [], {}, True, -1, 0, 10**400, float("nan"), float("inf")),
    list: (7, None, {}, "x", [None], [[]]),
    dict: (7, None, [], "x"),
}
"""By the type that belongs there: what must be refused everywhere."""


def test_that_each_rubbish_value_costs_its_own_entry_only(tmp_path: Path, resources: Path) -> None:
    plain = json.loads((resources / "catalog" / "wan2.1-t2v-1.3b.json").read_text(encoding="utf-8"))
    plain["variants"] = plain["variants"][:2]
    write_entry(tmp_path / "catalog", to_plain(SHIPPED["shapes"]), "shapes")
    changes = [(path, value) for path in places(plain) for value in RUBBISH[type(at(plain, path))]]
    assert len(changes) > 500
    for path, value in changes:
        write_entry(tmp_path / "catalog", replaced(plain, path, value), plain["model_id"])
        catalog = read_catalog(tmp_path)
        assert list(catalog) == ["shapes"], (path, value)
        problem = str(catalog.problems[plain["model_id"]])
        named = ["wan2.1-t2v-1.3b.json", *[key for key in path if isinstance(key, str)][-1:]]
        assert all(name in problem for name in named), (path, value, problem)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{}",
        b"{",
        b"null",
        b"[" * 100_000,
        b'{"model_id": ' * 50_000,
        b"[" + b"9" * 10_000 + b"]",
        json.dumps(to_plain(SHIPPED["wan2.2-ti2v-5b"])).encode() + b" " * 1_000_000,
        b"version https://git-lfs.github.com/spec/v1\n",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_that_a_file_of_rubbish_costs_its_own_entry_only(tmp_path: Path, resources: Path, content: bytes) -> None:
    shutil.copytree(resources / "catalog", tmp_path / "catalog")
    (tmp_path / "catalog" / "wan2.2-ti2v-5b.json").write_bytes(content)
    catalog = read_catalog(tmp_path)
    assert set(catalog) == set(SHIPPED) - {"wan2.2-ti2v-5b"}
    with pytest.raises(CatalogError, match=r"wan2\.2-ti2v-5b\.json cannot be used") as caught:
        catalog.entry("wan2.2-ti2v-5b")
    assert caught.value.hint


@given(
    content=st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_that_no_file_is_anything_but_an_entry_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "catalog").mkdir()
    (folder / "catalog" / "model.json").write_bytes(content)
    catalog = read_catalog(folder)
    assert (list(catalog), list(catalog.problems)) == ([], ["model"])


def test_that_an_entry_is_named_after_its_model(tmp_path: Path) -> None:
    write_entry(tmp_path / "catalog", to_plain(SHIPPED["shapes"]), "circles")
    assert "model_id: 'shapes'" in str(read_catalog(tmp_path).problems["circles"])


@pytest.mark.parametrize(
    "model_id", ["", "Shapes", "a/b", "a--b", ".a", "a.", "a b", "con", "../a", "a" * 81, "ä", "a\n"]
)
def test_that_an_id_that_cannot_be_a_folder_everywhere_is_refused(model_id: str) -> None:
    with pytest.raises(ValueError, match="model_id"):
        check_model_id("model_id", model_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"licence": ""},
        {"sizes": []},
        {"sizes": [{"shape": "Wide", "width": 840, "height": 480}]},
        {"num_frames": 16},
        {"num_frames_choices": [17, 18]},
        {"num_frames": 4097},
        {"fps": 0},
        {"guidance_scale": 0.5},
        {"guidance_scale_2": 101},
        {"flow_shift": 0.0},
        {"folder": "../shapes"},
        {"folder": "models\\shapes"},
        {"folder": "/models/\0"},
        {"folder": ""},
        {"repo_id": "shapes"},
        {"known_revision": "main"},
        {"source": "http://example.org"},
        {"parameters": {"lora": 1}},
        {"parameters": {"vae": 0}},
        {"fallback_model_ids": ["shapes"]},
        {"fallback_model_ids": ["../x"]},
    ],
    ids=str,
)
def test_that_an_entry_that_cannot_be_true_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=next(iter(changes))):
        from_plain(ModelMetadata, to_plain(SHIPPED["shapes"]) | changes)


def test_that_a_folder_named_like_an_entry_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "catalog" / "model.json").mkdir(parents=True)
    assert list(read_catalog(tmp_path).problems) == ["model"]


def test_that_an_unknown_id_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'wan3'") as caught:
        SHIPPED.entry("wan3")
    assert "wan2.2-ti2v-5b" in caught.value.hint


def test_that_an_unknown_fallback_is_left_out() -> None:
    assert Catalog({"wan2.2-i2v-a14b": SHIPPED["wan2.2-i2v-a14b"]}, {}).fallbacks("wan2.2-i2v-a14b") == ()


def test_that_a_users_entry_never_takes_the_place_of_one_of_the_program(tmp_path: Path, resources: Path) -> None:
    write_entry(tmp_path / "own", to_plain(metadata_for_repo("a/b")) | {"model_id": "shapes"}, "shapes")
    catalog = read_catalog(resources, tmp_path / "own")
    assert catalog["shapes"] == SHIPPED["shapes"]
    assert "same id" in str(catalog.problems["shapes"])


def test_that_without_entries_of_the_user_nothing_is_missed(tmp_path: Path, resources: Path) -> None:
    assert read_catalog(resources, tmp_path / "absent") == SHIPPED
