"""Parts and variants of models: what they may say, how they are found on this PC, how they are loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tests.fakes.gguf_files import entry, file_bytes
from wan_desktop.core.catalog import (
    Conversion,
    ModelMetadata,
    Part,
    Variant,
    bundled_models,
    find_model,
    installed_model,
    metadata_for_folder,
    metadata_for_repo,
    plan_for,
    read_catalog,
)
from wan_desktop.core.catalog.metadata import check_model_id
from wan_desktop.core.errors import (
    CatalogError,
    IntegrityError,
    ModelFilesMissingError,
    ModelNotFoundError,
    RepositoryNotFoundError,
    RequestError,
)
from wan_desktop.core.generation import GenerationDraft, settle
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.store.hub import is_repo_id
from wan_desktop.core.store.library import ModelKey

VARIANTS = Path("models") / "shapes-quantized"
SHIPPED = read_catalog(resources_folder())


@pytest.fixture
def own_resources(resources: Path, tmp_path: Path) -> Path:
    """Resources with a catalog and the built-in model, without its variants."""
    folder = tmp_path / "resources"
    shutil.copytree(resources / "catalog", folder / "catalog")
    shutil.copytree(resources / "models" / "shapes", folder / "models" / "shapes")
    (folder / VARIANTS).mkdir()
    return folder


# Parts ------------------------------------------------------------------------------------------


def plain_part(**changes: Any) -> dict[str, Any]:
    part = {"component": "vae", "repo_id": "a/b", "include": ["vae/*"], "size_bytes": 1, "size_on_disk_bytes": 1}
    return part | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"component": "lora"},
        {"repo_id": "no-namespace"},
        {"repo_id": "a/b/c"},
        {"repo_id": "../b"},
        {"include": []},
        {"include": ["../*"]},
        {"include": ["/etc/*"]},
        {"include": ["C:/*"]},
        {"include": ["vae\\*"]},
        {"include": ["vae/**"]},
        {"include": ["vae//x"]},
        {"include": ["*/*/*/*/*"]},
        {"include": ["con.json"]},
        {"include": ["vae/?"]},
        {"folder": ".."},
        {"folder": "/vae"},
        {"folder": ".wan-desktop"},
        {"size_bytes": -1},
        {"size_bytes": 2},
        {"size_bytes": 1 << 60, "size_on_disk_bytes": 1 << 60},
    ],
    ids=str,
)
def test_that_a_part_that_points_elsewhere_is_refused(changes: dict[str, Any]) -> None:
    assert from_plain(Part, plain_part()).conversion is Conversion.NONE
    with pytest.raises(RecordError):
        from_plain(Part, plain_part(**changes))


@pytest.mark.parametrize(
    ("include", "folder", "chosen"),
    [
        (["vae/*"], "", {"vae/config.json": "vae/config.json", "vae/a.safetensors": "vae/a.safetensors"}),
        (["vae/*.json"], "", {"vae/config.json": "vae/config.json"}),
        (["*.json"], "", {"top.json": "top.json"}),
        (["vae/sub/deep.json"], "", {"vae/sub/deep.json": "vae/sub/deep.json"}),
        (["vae/sub/deep.json"], "transformer", {"vae/sub/deep.json": "transformer/deep.json"}),
        (["vae/conf*", "top.json"], "x", {"vae/config.json": "x/config.json", "top.json": "x/top.json"}),
    ],
)
def test_that_a_part_chooses_its_files(include: list[str], folder: str, chosen: dict[str, str]) -> None:
    part = from_plain(Part, plain_part(include=include, folder=folder))
    assert part.choose(["top.json", "vae/config.json", "vae/a.safetensors", "vae/sub/deep.json"]) == chosen


def test_that_a_file_that_left_the_repository_is_named() -> None:
    part = from_plain(Part, plain_part(include=["vae/config.json", "vae/[a].json"]))
    with pytest.raises(RepositoryNotFoundError, match=r"a/b has no file vae/\[a\]\.json") as caught:
        part.choose(["vae/config.json", "vae/a.json"])
    assert caught.value.hint


# Variants ------------------------------------------------------------------------------------------------------------


def test_that_the_builtin_model_has_three_variants() -> None:
    variants = SHIPPED["shapes"].variants
    assert [variant.name for variant in variants] == ["Q8_0", "Q4_0", "fp8"]
    assert all(len(variant.transformer_files) == 1 and variant.description for variant in variants)


def test_that_no_variant_means_the_models_own_weights(own_resources: Path) -> None:
    assert plan_for(find_model("shapes", own_resources), "", own_resources) == LoadPlan()


@pytest.mark.parametrize(("name", "file"), [("Q8_0", "shapes-Q8_0.gguf"), ("q4_0", "shapes-Q4_0.gguf")])
def test_that_the_plan_names_the_variants_files(own_resources: Path, name: str, file: str) -> None:
    (own_resources / VARIANTS / file).write_bytes(file_bytes([entry("a")]))
    plan = plan_for(find_model("shapes", own_resources), name, own_resources)
    assert plan.transformer_files == (str(own_resources / VARIANTS / file),)


def test_that_the_plan_is_the_same_wherever_it_is_read(own_resources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = own_resources / VARIANTS / "shapes-fp8_e4m3fn_scaled.safetensors"
    save_file({}, file)
    monkeypatch.chdir(own_resources)
    plan = plan_for(find_model("shapes", own_resources), "fp8", Path())
    assert Path(plan.transformer_files[0]).samefile(file)
    assert Path(plan.transformer_files[0]).is_absolute()


@pytest.mark.parametrize("name", ["Q8_0", "Q4_0", "fp8"])
def test_that_a_missing_file_is_named(own_resources: Path, name: str) -> None:
    with pytest.raises(ModelFilesMissingError, match=r"shapes-\w+\.(gguf|safetensors) is missing") as caught:
        plan_for(find_model("shapes", own_resources), name, own_resources)
    assert caught.value.hint


def test_that_a_damaged_file_is_named(own_resources: Path) -> None:
    (own_resources / VARIANTS / "shapes-Q8_0.gguf").write_bytes(b"<html>")
    with pytest.raises(IntegrityError, match=r"shapes-Q8_0\.gguf"):
        plan_for(find_model("shapes", own_resources), "Q8_0", own_resources)


def test_that_an_unknown_variant_is_refused_with_the_known_ones(own_resources: Path) -> None:
    with pytest.raises(RequestError, match="no variant 'Q2_K'") as caught:
        plan_for(find_model("shapes", own_resources), "Q2_K", own_resources)
    assert "Q8_0, Q4_0, fp8" in caught.value.hint


def test_that_what_the_engine_cannot_load_is_listed_but_never_given() -> None:
    metadata = SHIPPED["wan2.2-t2v-a14b"]
    refused = [variant for variant in metadata.variants if variant.is_refused]
    assert refused
    for variant in refused:
        with pytest.raises(RequestError, match="cannot unpack") as caught:
            metadata.variant(variant.name)
        assert variant.name not in caught.value.hint


def plain_variant(**changes: Any) -> dict[str, Any]:
    variant = {
        "name": "Q8_0", "description": "", "precision": "Q8_0", "loads": "gguf", "transformer_files": ["t/a.gguf"]
    }  # fmt: skip
    return variant | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a--b"},
        {"name": "a/b"},
        {"name": "a."},
        {"precision": "Q9"},
        {"transformer_files": []},
        {"transformer_files": ["a.gguf", "b.gguf", "c.gguf"]},
        {"transformer_files": ["/etc/passwd.gguf"]},
        {"transformer_files": ["models/../../x.gguf"]},
        {"transformer_files": ["C:/x.gguf"]},
        {"transformer_files": ["models\\x.gguf"]},
        {"transformer_files": "x.gguf"},
        {"transformer_files": ["t/a.safetensors"]},
        {"loads": "safetensors"},
        {"loads": "fp8_scaled"},
        {"loads": "diffusers"},
        {"loads": "diffusers", "transformer_files": []},
        {"loads": "refused", "transformer_files": []},
        {"loads": "refused", "refused_because": "It is."},
        {"refused_because": "It is."},
        {"parts": [plain_part()]},
        {"parts": [plain_part(include=["t/*.gguf"])]},
    ],
    ids=str,
)
def test_that_a_variant_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    assert from_plain(Variant, plain_variant()).name == "Q8_0"
    assert from_plain(Variant, plain_variant(parts=[plain_part(include=["x/a.gguf"], folder="t")])).download_bytes == 1
    with pytest.raises(RecordError):
        from_plain(Variant, plain_variant(**changes))


def test_that_two_variants_cannot_share_a_name() -> None:
    plain = to_plain(SHIPPED["shapes"])
    plain["variants"].append({**plain["variants"][0], "name": "q8_0"})
    with pytest.raises(RecordError, match="same name"):
        from_plain(ModelMetadata, plain)


# On this PC ----------------------------------------------------------------------------------------------------------


def test_that_only_what_came_with_the_program_is_ready(resources: Path, own_resources: Path) -> None:
    assert [metadata.model_id for metadata in bundled_models(resources)] == ["shapes"]
    (own_resources / "models" / "shapes" / "model_index.json").unlink()
    assert bundled_models(own_resources) == ()


@pytest.mark.parametrize("model_id", sorted(set(SHIPPED) - {"shapes"}))
def test_that_a_model_that_was_never_downloaded_is_said_to_be_absent(resources: Path, model_id: str) -> None:
    with pytest.raises(ModelNotFoundError, match="is not on this PC") as caught:
        find_model(model_id, resources)
    assert f"Download {model_id} first" in caught.value.hint


def test_that_an_unknown_model_is_refused_with_those_that_are_here(resources: Path) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("nothing", resources)
    assert caught.value.hint.startswith("Models on this PC: shapes. ")


def test_that_a_damaged_entry_is_said_when_its_model_is_asked_for(own_resources: Path) -> None:
    (own_resources / "catalog" / "wan2.1-t2v-14b.json").write_text("{}", encoding="utf-8")
    assert find_model("shapes", own_resources).metadata == SHIPPED["shapes"]
    with pytest.raises(CatalogError, match=r"wan2\.1-t2v-14b\.json"):
        find_model("wan2.1-t2v-14b", own_resources)


def gguf_folder(folder: Path) -> ModelMetadata:
    """Make a model folder a downloaded GGUF variant; returns its entry."""
    shutil.rmtree(folder / "transformer")
    (folder / "transformer").mkdir()
    (folder / "transformer" / "a.gguf").write_bytes(file_bytes([entry("a")]))
    shutil.copy(Path(resources_folder(), "models/shapes/transformer/config.json"), folder / "transformer")
    part = plain_part(component="transformer", include=["x/a.gguf"], folder="transformer")
    other = plain_variant(name="bf16", precision="bf16", loads="diffusers", transformer_files=[], parts=[plain_part()])
    variant = plain_variant(transformer_files=["transformer/a.gguf"], parts=[part])
    return from_plain(ModelMetadata, to_plain(SHIPPED["shapes"]) | {"folder": "", "variants": [other, variant]})


def test_that_a_downloaded_variant_is_loaded_from_its_folder(own_resources: Path) -> None:
    folder = own_resources / "models" / "shapes"
    model = installed_model(gguf_folder(folder), "q8_0", folder)
    file = str(folder / "transformer" / "a.gguf")
    assert model.variant == "Q8_0"
    assert plan_for(model, "", Path("nowhere")).transformer_files == (file,)
    assert plan_for(model, "Q8_0", Path("nowhere")).transformer_files == (file,)
    settled = settle(GenerationDraft(prompt="x"), model, count_tokens=len)
    assert settled.request.variant == "Q8_0"
    with pytest.raises(ModelFilesMissingError, match="does not hold") as caught:
        plan_for(model, "bf16", own_resources)
    assert "Download bf16" in caught.value.hint


# Of the user's own ---------------------------------------------------------------------------------------------------


def write_entry(folder: Path, metadata: ModelMetadata) -> None:
    folder.mkdir()
    (folder / f"{metadata.model_id}.json").write_text(json.dumps(to_plain(metadata)), encoding="utf-8")


def test_that_a_repository_can_be_added_and_read_again(tmp_path: Path, resources: Path) -> None:
    added = metadata_for_repo("Some-One/My.Wan_Model")
    write_entry(tmp_path / "own", added)
    catalog = read_catalog(resources, tmp_path / "own")
    assert catalog[added.model_id] == added
    assert (set(catalog), dict(catalog.problems)) == ({*SHIPPED, added.model_id}, {})
    (part,) = added.variant("original").parts
    assert set(part.choose(["README.md", "model_index.json", "vae/config.json", "a/b/c.json"])) == {
        "model_index.json",
        "vae/config.json",
    }
    assert metadata_for_repo("some-one/my.wan_model").model_id == added.model_id
    assert metadata_for_repo("Some.One/My-Wan_Model").model_id != added.model_id


@pytest.mark.parametrize(
    "repo_id", ["", "a", "a/b/c", "../b", "a/b.git", "a--b/c", "https://huggingface.co/a/b", "a/b\n"]
)
def test_that_what_cannot_be_a_repository_is_refused(repo_id: str) -> None:
    assert not is_repo_id(repo_id)
    with pytest.raises(RequestError, match="no name of a repository"):
        metadata_for_repo(repo_id)


@given(st.from_regex(r"[\w.-]{1,99}/[\w.-]{1,99}", fullmatch=True))
def test_that_every_repository_the_hub_can_have_gets_an_id(repo_id: str) -> None:
    if is_repo_id(repo_id):
        added = metadata_for_repo(repo_id)
        check_model_id("model_id", added.model_id)
        assert ModelKey(added.model_id, added.variants[0].name).model_id == added.model_id
    else:
        with pytest.raises(RequestError):
            metadata_for_repo(repo_id)


def test_that_a_folder_can_be_added_and_used_by_its_id(tmp_path: Path, resources: Path) -> None:
    folder = resources / "models" / "shapes"
    added = metadata_for_folder(folder)
    write_entry(tmp_path / "own", added)
    by_id = find_model(added.model_id, resources, tmp_path / "own")
    by_path = find_model(str(folder), resources)
    assert (by_id.metadata, by_id.folder) == (added, by_path.folder)
    assert by_id.metadata.modes == by_path.modes == by_path.metadata.modes
    assert by_path.metadata.model_id == str(folder)
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("nothing", resources, tmp_path / "own")
    assert f"shapes, {added.model_id}" in caught.value.hint


@pytest.mark.parametrize("name", ["Modell für Füchse", "a\nb", "狐", "con", "-", "x" * 200, "a--b."], ids=ascii)
def test_that_a_folder_of_any_name_can_be_used(tmp_path: Path, resources: Path, name: str) -> None:
    folder = tmp_path / name
    shutil.copytree(resources / "models" / "shapes", folder)
    added = metadata_for_folder(folder)
    check_model_id("model_id", added.model_id)
    assert added.name.isprintable()
    assert find_model(str(folder), resources).folder == inspect_model_folder(folder)
