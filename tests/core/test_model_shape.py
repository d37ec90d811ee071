"""Shapes of models: what configs and headers say is what is there."""

import json
from math import prod
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from wan_desktop.core.catalog import Loading, ModelMetadata, Variant, read_catalog
from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.model_folder import inspect_model_folder, read_safetensors_header
from wan_desktop.core.model_shape import (
    TRANSFORMER_CONFIGS,
    ModelShape,
    shape_of_entry,
    shape_of_folder,
    transformer_of_config,
)
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.records import from_plain, to_plain

FAMILIES = ("t2v", "t2v_two_experts", "i2v_clip", "i2v_two_experts", "ti2v", "flf2v_clip")


def elements(files: tuple[Path, ...]) -> int:
    return sum(prod(entry["shape"]) for file in files for entry in read_safetensors_header(file).values())


def entry(model_id: str) -> ModelMetadata:

    return read_catalog(resources_folder())[model_id]


def variants() -> list[tuple[str, str]]:
    return [(model_id, variant.name) for model_id in TRANSFORMER_CONFIGS for variant in entry(model_id).variants]


@pytest.mark.parametrize("family", FAMILIES)
def test_that_a_folders_parameters_are_those_of_its_files(tiny_model: TinyModel, family: str) -> None:
    folder = inspect_model_folder(tiny_model(family))
    shape = shape_of_folder(folder)
    assert shape.transformer.parameters == elements(folder.weight_files["transformer"])
    assert shape.text_encoder.parameters == elements(folder.weight_files["text_encoder"])
    assert shape.vae.parameters == elements(folder.weight_files["vae"])
    assert shape.image_encoder_parameters == elements(folder.weight_files.get("image_encoder", ()))


@pytest.mark.parametrize("family", FAMILIES)
def test_that_a_folders_shape_says_what_its_configs_say(tiny_model: TinyModel, family: str) -> None:
    shape = shape_of_folder(inspect_model_folder(tiny_model(family)))
    assert shape.experts == (2 if "two_experts" in family else 1)
    assert (shape.boundary_ratio is not None) == (shape.experts == 2)
    assert shape.expand_timesteps == (family == "ti2v")
    assert bool(shape.transformer.image_dim) == family.endswith("clip")
    assert (shape.transformer.num_layers, shape.transformer.heads, shape.transformer.dim) == (2, 2, 48)
    assert shape.vae.is_residual == (family == "ti2v")
    assert not shape.transformer.quantised


def test_that_the_built_in_model_can_be_shaped(resources: Path) -> None:
    folder = inspect_model_folder(resources / "models/shapes")
    shape = shape_of_folder(folder)
    assert shape.transformer.parameters == elements(folder.weight_files["transformer"])
    assert sum(shape.weights_bytes.values()) == folder.weights_bytes


@pytest.mark.parametrize("name", ["shapes-Q8_0.gguf", "shapes-Q4_0.gguf"])
def test_that_a_gguf_file_stays_as_small_as_it_is(resources: Path, name: str) -> None:
    file = resources / "models/shapes-quantized" / name
    shape = shape_of_folder(inspect_model_folder(resources / "models/shapes", [file]), [file])
    assert shape.transformer.quantised
    assert shape.weights_bytes["transformer"] == file.stat().st_size
    assert shape.transformer.stored_bytes == pytest.approx(file.stat().st_size, rel=0.25)
    assert shape.transformer.stored_bytes < 2 * shape.transformer.parameters


def test_that_8_bit_safetensors_are_not_quantised_in_memory(resources: Path) -> None:
    file = resources / "models/shapes-quantized/shapes-fp8_e4m3fn_scaled.safetensors"
    shape = shape_of_folder(inspect_model_folder(resources / "models/shapes", [file]), [file])
    assert not shape.transformer.quantised
    assert shape.transformer.stored_bytes == file.stat().st_size


@pytest.mark.parametrize("component", ["transformer", "vae", "text_encoder"])
def test_that_a_config_without_sense_is_an_integrity_error(own_model: TinyModel, component: str) -> None:
    path = own_model("t2v")
    folder = inspect_model_folder(path)
    config = path / component / "config.json"
    data = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**data, "num_layers": "many", "z_dim": None}), encoding="utf-8")
    with pytest.raises(IntegrityError):
        shape_of_folder(folder)


@pytest.mark.parametrize("model_id", TRANSFORMER_CONFIGS)
def test_that_known_configs_have_the_catalogs_parameters(model_id: str) -> None:
    metadata = entry(model_id)
    shape = shape_of_entry(metadata, metadata.variants[0])
    assert shape is not None
    counts = {
        "transformer": shape.transformer.parameters,
        "text_encoder": shape.text_encoder.parameters,
        "vae": shape.vae.parameters,
    }
    counts |= {"transformer_2": shape.transformer.parameters} if shape.experts == 2 else {}
    counts |= {"image_encoder": shape.image_encoder_parameters} if shape.image_encoder_parameters else {}
    assert counts == dict(metadata.parameters)


@pytest.mark.parametrize(("model_id", "name"), variants())
def test_that_an_entrys_variant_tells_how_it_is_stored(model_id: str, name: str) -> None:
    metadata = entry(model_id)
    variant = next(variant for variant in metadata.variants if variant.name == name)
    shape = shape_of_entry(metadata, variant)
    if variant.is_refused:
        assert shape is None
        return
    assert shape is not None
    assert shape.transformer.quantised == (variant.loads is Loading.GGUF)
    assert 0 < shape.transformer.stored_bytes <= 2.1 * shape.transformer.parameters
    assert shape.weights_bytes["transformer"] == shape.transformer.stored_bytes


def test_that_every_downloadable_model_of_the_catalog_is_known() -> None:

    catalog = read_catalog(resources_folder())
    assert {model_id for model_id, metadata in catalog.items() if not metadata.folder} == set(TRANSFORMER_CONFIGS)


def test_that_nothing_is_made_up_about_unknown_models(resources: Path) -> None:
    metadata = read_catalog(resources)["shapes"]
    variant: Variant = metadata.variants[0]
    assert shape_of_entry(metadata, variant) is None


def test_that_tokens_and_latent_frames_are_those_of_the_model() -> None:
    metadata = entry("wan2.2-t2v-a14b")
    shape = shape_of_entry(metadata, metadata.variants[0])
    assert shape is not None
    assert [shape.latent_frames(frames) for frames in (1, 5, 81)] == [1, 2, 21]
    assert shape.tokens(832, 480, 81) == 32_760
    assert shape.tokens(1280, 720, 81) == 75_600


def test_that_defaults_are_those_of_diffusers() -> None:
    assert transformer_of_config({}).parameters == 14_288_491_584


def test_that_a_shape_survives_json(resources: Path) -> None:
    shape = shape_of_folder(inspect_model_folder(resources / "models/shapes"))
    assert from_plain(ModelShape, json.loads(json.dumps(to_plain(shape)))) == shape
