"""Where the window comes up again."""

from pathlib import Path

import pytest

from wan_desktop.core.window_place import Rectangle, WindowPlace, fitted, load_place, place_file, save_place

MINIMUM = (1100, 640)
FULL_HD = Rectangle(0, 0, 1920, 1040)
LEFT_OF_IT = Rectangle(-2560, -200, 2560, 1400)


def test_that_a_place_is_kept(tmp_path: Path) -> None:
    file = place_file(tmp_path)
    assert load_place(file) is None
    place = WindowPlace(Rectangle(-40, 30, 1500, 900), maximized=True)
    save_place(place, file)
    assert load_place(file) == place


@pytest.mark.parametrize("rubbish", [b"", b"[]", b"{", b"\xff\xfe", b'{"place": {"left": "x"}}', b'{"place": 5}'])
def test_that_rubbish_is_no_place(tmp_path: Path, rubbish: bytes) -> None:
    place_file(tmp_path).write_bytes(rubbish)
    assert load_place(place_file(tmp_path)) is None


def test_that_a_folder_that_refuses_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    save_place(WindowPlace(FULL_HD), tmp_path / "file" / "window.json")


@pytest.mark.parametrize(
    ("place", "screens", "expected"),
    [
        (Rectangle(100, 80, 1440, 900), [FULL_HD], Rectangle(100, 80, 1440, 900)),
        (Rectangle(-2500, -150, 1440, 900), [FULL_HD, LEFT_OF_IT], Rectangle(-2500, -150, 1440, 900)),
        (Rectangle(-2500, -150, 1440, 900), [FULL_HD], None),  # that screen is gone
        (Rectangle(100, 80, 2400, 1300), [FULL_HD], Rectangle(0, 0, 1920, 1000)),  # a smaller one
        (Rectangle(1700, 800, 1440, 900), [FULL_HD], Rectangle(480, 100, 1440, 900)),  # half outside
        (Rectangle(1900, 100, 1440, 900), [FULL_HD], None),  # 20 pixels of its edge are seen
        (Rectangle(100, -39, 1440, 900), [FULL_HD], Rectangle(100, 0, 1440, 900)),
        (Rectangle(100, -300, 1440, 900), [FULL_HD], None),  # its title bar is above the screen
        (Rectangle(10, 10, 50, 50), [FULL_HD], None),
        (Rectangle(10, 10, 300, 200), [FULL_HD], Rectangle(10, 10, 1100, 640)),
        (Rectangle(0, 0, 1440, 900), [], None),
        (Rectangle(0, 0, 1440, 900), [Rectangle(0, 0, 1024, 728)], Rectangle(0, 0, 1100, 688)),
    ],
)
def test_that_the_window_can_be_seen_and_moved(
    place: Rectangle, screens: list[Rectangle], expected: Rectangle | None
) -> None:
    found = fitted(WindowPlace(place, maximized=True), screens, MINIMUM)
    assert found == (None if expected is None else WindowPlace(expected, maximized=True))
