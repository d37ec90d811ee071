"""A lock says exactly which files make a runtime, and nothing else."""

from pathlib import Path

import pytest

from wan_desktop.core.errors import RuntimeListError
from wan_desktop.core.runtime.lock import RuntimeKind, parse_lock, read_lock
from wan_desktop.core.runtime.wheel_name import parse_wheel_name

A, B = "a" * 64, "b" * 64
KIND = RuntimeKind.LINUX_CPU
TEXT = f"""\
# made by a tool
Torch==2.13.0+cpu \\
    --hash=sha256:{B} \\
    --hash=sha256:{A}
typing_extensions==4.16.0 --hash=sha256:{A} # why
"""


def test_that_a_lock_is_read_as_pip_reads_it() -> None:
    lock = parse_lock(KIND, TEXT)
    assert [(pin.name, pin.version, pin.sha256) for pin in lock.pins] == [
        ("torch", "2.13.0+cpu", (A, B)),
        ("typing-extensions", "4.16.0", (A,)),
    ]
    assert [pin.local_version for pin in lock.pins] == ["cpu", ""]
    assert parse_lock(KIND, lock.requirements) == lock


def test_that_comments_and_order_do_not_name_another_runtime() -> None:
    lines = [f"b==1 --hash=sha256:{B} --hash=sha256:{A}", f"a==1 --hash=sha256:{A}"]
    other = [f"a==1 --hash=sha256:{A}", f"# said\nb==1 --hash=sha256:{A} --hash=sha256:{B}"]
    assert parse_lock(KIND, "\n".join(lines)).digest == parse_lock(KIND, "\n".join(other)).digest


@pytest.mark.parametrize(
    "text",
    [f"a==1 --hash=sha256:{B}", f"a==2 --hash=sha256:{A}", f"b==1 --hash=sha256:{A}"],
    ids=["hash", "version", "name"],
)
def test_that_any_other_part_names_another_runtime(text: str) -> None:
    digest = parse_lock(KIND, f"a==1 --hash=sha256:{A}").digest
    assert parse_lock(KIND, text).digest != digest
    assert parse_lock(RuntimeKind.WINDOWS_CPU, f"a==1 --hash=sha256:{A}").digest != digest


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.13.0",
        f"torch>=2.13.0 --hash=sha256:{A}",
        f"torch==2.* --hash=sha256:{A}",
        f"torch==2.13.0 ; sys_platform=='win32' --hash=sha256:{A}",
        f"torch @ https://example.org/torch.whl --hash=sha256:{A}",
        "torch==2.13.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
        f"torch==2.13.0 --hash=sha256:{A[:-1]}",
        "--index-url https://example.org/simple",
        "-r other.txt",
        f"torch==2.13.0 --hash=sha256:{A} --no-binary",
        f"../torch==2.13.0 --hash=sha256:{A}",
    ],
)
def test_that_anything_but_an_exact_hashed_version_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not one exact version"):
        parse_lock(KIND, f"numpy==2 --hash=sha256:{A}\n{line}\n")


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_that_an_empty_lock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no part"):
        parse_lock(KIND, text)


def test_that_a_part_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_lock(KIND, f"a_b==1 --hash=sha256:{A}\nA.b==2 --hash=sha256:{B}\n")


@pytest.mark.parametrize("content", [None, b"torch", b"\xff\xfe"], ids=["absent", "no lock", "no text"])
def test_that_a_lock_that_cannot_be_read_says_so(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "runtimes").mkdir()
    if content is not None:
        (tmp_path / "runtimes" / f"{KIND}.lock").write_bytes(content)
    with pytest.raises(RuntimeListError) as caught:
        read_lock(tmp_path, KIND)
    assert "linux-cpu.lock" in caught.value.message
    assert caught.value.hint


LINUX, WINDOWS = RuntimeKind.LINUX_CPU, RuntimeKind.WINDOWS_CU130


@pytest.mark.parametrize(
    ("filename", "fits"),
    [
        ("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", {LINUX}),
        ("numpy-2.4.6-cp312-cp312-manylinux_2_28_x86_64.whl", set()),
        ("numpy-2.4.6-cp311-cp311t-manylinux_2_28_x86_64.whl", set()),
        ("numpy-2.4.6-cp311-cp311-win_amd64.whl", {WINDOWS}),
        ("numpy-2.4.6-cp311-cp311-win32.whl", set()),
        ("numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl", set()),
        ("numpy-2.4.6-cp311-cp311-manylinux_2_39_x86_64.whl", set()),
        ("numpy-2.4.6-cp311-cp311-macosx_14_0_arm64.whl", set()),
        ("tqdm-4.70.1-py3-none-any.whl", {LINUX, WINDOWS}),
        ("six-1.17.0-py2.py3-none-any.whl", {LINUX, WINDOWS}),
        ("av-18.1.0-cp311-abi3-win_amd64.whl", {WINDOWS}),
        ("safetensors-0.8.0-cp310-abi3-manylinux2014_x86_64.whl", {LINUX}),
        ("later-1.0-cp313-abi3-manylinux2014_x86_64.whl", set()),
        ("later-1.0-py312-none-any.whl", set()),
        ("torch-2.13.0+cu130-cp311-cp311-win_amd64.whl", {WINDOWS}),
    ],
)
def test_that_a_wheel_fits_the_systems_that_its_name_says(filename: str, fits: set[RuntimeKind]) -> None:
    name = parse_wheel_name(filename)
    assert name is not None
    assert {kind for kind in (LINUX, WINDOWS) if name.fitness(kind)} == fits


def test_that_a_wheel_made_for_the_system_goes_before_one_for_all() -> None:
    names = [
        "a-1-py3-none-any.whl",
        "a-1-cp310-abi3-manylinux_2_28_x86_64.whl",
        "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
    ]
    fitness = [parsed.fitness(LINUX) for parsed in map(parse_wheel_name, names) if parsed]
    assert fitness == sorted(fitness)
    assert len(set(fitness)) == 3


@pytest.mark.parametrize(
    "name", ["../a-1-py3-none-any.whl", "a-1.tar.gz", "a-1-py3-none.whl", "C:a-1-py3-none-any.whl"]
)
def test_that_other_names_are_no_wheels(name: str) -> None:
    assert parse_wheel_name(name) is None
