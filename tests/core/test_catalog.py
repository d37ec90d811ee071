"""What the catalog says of a model's variants, and how they are loaded."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from tests.fakes.gguf_files import entry, file_bytes
from wan_desktop.core.catalog import Variant, find_model, plan_for, read_catalog
from wan_desktop.core.errors import IntegrityError, ModelFilesMissingError, RequestError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.records import RecordError, from_plain, to_plain

VARIANTS = Path("models") / "shapes-quantized"


@pytest.fixture
def own_resources(resources: Path, tmp_path: Path) -> Path:
    """Resources with a catalog and the built-in model, without its variants."""
    folder = tmp_path / "resources"
    shutil.copytree(resources / "catalog", folder / "catalog")
    shutil.copytree(resources / "models" / "shapes", folder / "models" / "shapes")
    (folder / VARIANTS).mkdir()
    return folder


def test_that_the_builtin_model_has_three_variants(resources: Path) -> None:
    variants = read_catalog(resources)["shapes"].variants
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


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"transformer_files": []},
        {"transformer_files": ["/etc/passwd"]},
        {"transformer_files": ["models/../../x.gguf"]},
        {"transformer_files": ["C:/x.gguf"]},
        {"transformer_files": ["models\\x.gguf"]},
        {"transformer_files": "x.gguf"},
    ],
    ids=str,
)
def test_that_a_variant_that_points_elsewhere_is_refused(changes: dict[str, Any]) -> None:
    plain = {"name": "Q8_0", "description": "", "transformer_files": ["a.gguf"]}
    assert from_plain(Variant, plain).name == "Q8_0"
    with pytest.raises(RecordError):
        from_plain(Variant, {**plain, **changes})


def test_that_two_variants_cannot_share_a_name(resources: Path) -> None:
    metadata = read_catalog(resources)["shapes"]
    plain = to_plain(metadata)
    plain["variants"].append({**plain["variants"][0], "name": "q8_0"})
    with pytest.raises(RecordError, match="same name"):
        from_plain(type(metadata), plain)
