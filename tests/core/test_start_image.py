"""Start images, good and bad."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wan_desktop.core.errors import ImageSizeError, ImageUnreadableError, WanError
from wan_desktop.core.start_image import check_image, crop_box, fit_image, open_image


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp"])
def test_that_the_usual_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    Image.new("RGB", (320, 200), (200, 30, 30)).save(path)
    picture = open_image(path)
    assert (picture.mode, picture.size) == ("RGB", (320, 200))


def test_that_the_camera_orientation_is_applied(tmp_path: Path) -> None:
    picture = Image.new("RGB", (320, 200))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "photo.jpg", exif=exif)
    size = check_image(tmp_path / "photo.jpg")
    assert (size.width, size.height) == (200, 320)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_that_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (64, 64)).save(tmp_path / "picture.tiff")
    assert open_image(tmp_path / "picture.tiff").mode == "RGB"


def test_that_transparent_parts_are_black(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert open_image(tmp_path / "clear.png").getpixel((5, 5)) == (0, 0, 0)


def text_file(path: Path) -> None:
    path.write_text("not a picture", encoding="utf-8")


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def half_a_picture(path: Path) -> None:
    Image.effect_noise((300, 300), 50).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:4000])


def gif(path: Path) -> None:
    Image.new("P", (64, 64)).save(path, "GIF")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [text_file, empty_file, half_a_picture, gif, folder], ids=lambda m: m.__name__)
def test_that_what_is_no_picture_is_said_with_a_way_out(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.png")
    with pytest.raises(ImageUnreadableError) as caught:
        open_image(tmp_path / "x.png")
    assert "PNG, JPEG" in caught.value.hint


@pytest.mark.parametrize("size", [(8000, 8000), (10, 400)])
def test_that_a_picture_of_impossible_size_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("1", size).save(tmp_path / "x.png")
    with pytest.raises(ImageSizeError, match="pixels"):
        open_image(tmp_path / "x.png")


def test_that_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (64, 64)).save(tmp_path / "x.png")
    data = bytearray((tmp_path / "x.png").read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(WanError):
        open_image(tmp_path / "x.png")


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 1280), st.integers(1, 1280))
def test_that_the_crop_lies_inside_and_has_the_shape(
    width: int, height: int, target_width: int, target_height: int
) -> None:
    left, top, right, bottom = crop_box(width, height, target_width, target_height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left == 0 or top == 0
    wanted, got = target_width / target_height, (right - left) / (bottom - top)
    one_pixel = max(wanted, 1 / wanted) / min(right - left, bottom - top)
    assert abs(got - wanted) <= wanted * one_pixel


def test_that_a_picture_is_cropped_and_not_squeezed() -> None:
    picture = Image.new("RGB", (300, 100), "black")
    picture.paste((255, 255, 255), (100, 0, 200, 100))
    fitted = fit_image(picture, 64, 64)
    assert fitted.size == (64, 64)
    assert min(fitted.getpixel((2, 32)) + fitted.getpixel((61, 32))) > 250
