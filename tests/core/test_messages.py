"""Lines between window and engine."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.requests import make_request
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import Attempt, GenerationResult
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import (
    MAX_LINE_BYTES,
    Cancel,
    Cancelled,
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    MessageError,
    OutputTarget,
    Pause,
    Paused,
    Preview,
    Progress,
    Quit,
    Ready,
    Rejected,
    Resume,
    Resumed,
    Stage,
    decode_command,
    decode_event,
    encode,
)

REQUEST = make_request(
    mode=GenerationMode.TI2V,
    prompt='Ein roter Kreis "links" \u4e2d\u6587 \U0001f98a\n',
    seed=2**32 - 1,
    image=Path("a b") / "c.png",
)
TARGET = OutputTarget(path=Path("out.mp4"), rescue_folder=Path("r"), work_folder=Path("w"))
COMMANDS: list[Command] = [
    Generate(job="j", request=REQUEST, model_folder=Path("f"), plan=LoadPlan(), output=TARGET),
    Generate(
        job="j",
        request=make_request(variant="Q8_0"),
        model_folder=Path("f"),
        plan=LoadPlan(transformer_files=(str(Path("a 狐.gguf").absolute()), str(Path("b.gguf").absolute()))),
        output=TARGET,
    ),
    Cancel("j"),
    Pause("j"),
    Resume("j"),
    Quit(),
]
EVENTS = [
    Ready(app_version="1", torch_version="2", diffusers_version="3", device="CPU", threads=1, process_id=7),
    Progress(job="j", stage=Stage.CREATE_FRAMES, done=1, total=2, part=2, parts=2, peak_memory_bytes=28_000_000_000),
    Preview("j", 3, "aGk="),
    Paused(job="j", step=3, total=30, freed_bytes=28_000_000_000),
    Resumed(job="j", step=3, total=30),
    Finished(
        "j", GenerationResult(path=Path("x"), seconds=1.5, timings_s={"a": 1.0}, attempts=(Attempt("p", "done", 1.0),))
    ),
    Failed(job="j", code="out-of-memory", message="m", hint="h", details="d\nd"),
    Cancelled("j"),
    Rejected("why"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_that_commands_come_back_as_they_were(command: Command) -> None:
    assert decode_command(encode(command)) == command


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_that_events_come_back_as_they_were(event: Event) -> None:
    assert decode_event(encode(event)) == event


@pytest.mark.parametrize("message", [*COMMANDS, *EVENTS], ids=lambda m: type(m).__name__)
def test_that_a_message_is_one_line_of_ascii(message: Command | Event) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"Loading pipeline components...: 100%\n",
        b"[]\n",
        b"{}\n",
        b'{"v":2,"type":"quit"}\n',
        b'{"v":1,"type":"explode"}\n',
        b'{"v":1,"type":["quit"]}\n',
        b'{"v":1,"type":"cancel"}\n',
        b'{"v":1,"type":"cancel","job":7}\n',
        b"\xff\xfe\n",
        b"[" * 100_000,
        b'{"v":1,"type":"quit","x":"' + b"x" * MAX_LINE_BYTES,
    ],
    ids=lambda line: repr(line[:24]),
)
def test_that_rubbish_is_no_message(line: bytes) -> None:
    with pytest.raises(MessageError):
        decode_command(line)
    with pytest.raises(MessageError):
        decode_event(line)


@given(st.binary(max_size=200))
def test_that_any_bytes_are_a_message_or_a_message_error(line: bytes) -> None:
    with pytest.raises(MessageError):
        decode_event(line)


def test_that_a_value_of_another_type_is_named() -> None:
    line = encode(Progress(job="j", stage=Stage.LOAD_MODEL, done=1, total=2)).replace(b'"total":2', b'"total":"2"')
    with pytest.raises(MessageError, match="total"):
        decode_event(line)


@given(prompt=st.text(), seed=st.integers(0, 2**32 - 1), guidance=st.floats(1, 15))
def test_that_any_prompt_crosses_the_border(prompt: str, seed: int, guidance: float) -> None:
    changes: dict[str, Any] = {"prompt": prompt, "seed": seed, "guidance_scale": guidance}
    request = make_request(**changes)
    command = Generate(job="j", request=request, model_folder=Path("f"), plan=LoadPlan(), output=TARGET)
    assert decode_command(encode(command)) == command


def test_that_a_plan_with_a_relative_path_is_no_message() -> None:
    line = encode(COMMANDS[0]).replace(b'"transformer_files":[]', b'"transformer_files":["model.gguf"]')
    with pytest.raises(MessageError, match=r"'model.gguf' is not an absolute path"):
        decode_command(line)
