"""The setup and its uninstaller, run in wine with a stand-in for the program.

What wine cannot show, and only Windows can: the shortcut's id (wine keeps none; what is handed over is looked at byte
by byte instead), links to other folders, SmartScreen, and how any of it looks.
"""

import datetime
import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer import build, common
from tests.installer.conftest import KEYS, NEW, OLD
from tests.installer.wine import Wine, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CANCELLED_BY_FILE, OTHER_FOLDER, NEWER_INSTALLED, DOES_NOT_CLOSE, OLD_WINDOWS = 2, 3, 4, 5, 7
UNINSTALL = KEYS[1]


def digests(folder: Path) -> dict[str, str]:
    """The files of a folder, by their content."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def installed(wine: Wine) -> Path:
    """Where the program lies unless somebody chose another folder."""
    return wine.local / "Programs" / common.WINDOW


def install(wine: Wine, setup: Path, *options: str) -> int:
    code, _ = wine.run(setup, "/S", *options)
    wine.settle()
    return code


def uninstall(wine: Wine, *options: str, folder: Path | None = None) -> None:
    wine.run((folder or installed(wine)) / "uninstall.exe", "/S", *options)
    wine.settle()


def put_user_data(wine: Wine) -> dict[str, Path]:
    """A user's files, by what the uninstaller asks about."""
    data = wine.local / common.APP_NAME
    files = {
        "engine": data / common.ENGINE_DATA[0] / "1a2b3c4d" / "Lib" / "site-packages" / "torch" / "torch.dll",
        "models": data / "models" / "wan2.2-ti2v-5b" / "bf16" / "weights.safetensors",
        "catalog": data / "catalog" / "mine.json",
        "settings": data / "settings.json",
        "queue": data / "render-queue.sqlite3",
        "log": data / "logs" / "wan-desktop.log",
        "videos": wine.user / "Videos" / common.APP_NAME / "fox.mp4",
    }
    for name, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return files


def left(files: dict[str, Path]) -> set[str]:
    return {name for name, path in files.items() if path.exists() and path.read_text(encoding="utf-8") == name}


# Install --------------------------------------------------------------------------------------------------------------


def test_that_a_silent_install_puts_every_file_in_place(
    wine: Wine, setups: dict[str, Path], payloads: dict[str, Path]
) -> None:
    assert install(wine, setups[OLD]) == 0
    found = digests(installed(wine))
    assert found.pop("uninstall.exe")
    assert found == digests(payloads[OLD])
    assert wine.run(installed(wine) / f"{common.CONSOLE}.exe")[1].strip() == OLD


def test_that_windows_knows_the_program(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    folder = rf"C:\users\{wine.user.name}\AppData\Local\Programs\{common.WINDOW}"
    expected = {
        "DisplayName": common.APP_NAME,
        "DisplayVersion": OLD,
        "Publisher": common.PUBLISHER,
        "InstallLocation": folder,
        "UninstallString": rf'"{folder}\uninstall.exe"',
        "QuietUninstallString": rf'"{folder}\uninstall.exe" /S',
        "DisplayIcon": rf"{folder}\{common.WINDOW}.exe",
        "NoModify": "0x1",
        "NoRepair": "0x1",
    }
    assert {name: wine.value(UNINSTALL, name) for name in expected} == expected
    size_kb = sum(path.stat().st_size for path in installed(wine).rglob("*") if path.is_file()) / 1024
    told_kb = int(wine.value(UNINSTALL, "EstimatedSize") or "0", 16)
    assert size_kb * 0.9 < told_kb < size_kb * 1.1
    assert wine.value(KEYS[2]) == rf"{folder}\{common.WINDOW}.exe"
    assert wine.value(KEYS[3]) == rf"{folder}\{common.CONSOLE}.exe"
    assert wine.value(KEYS[4], "DisplayName") == common.APP_NAME


def test_that_there_is_a_shortcut_to_the_program(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    shortcut = (wine.start_menu / f"{common.APP_NAME}.lnk").read_bytes()
    target = rf"C:\users\{wine.user.name}\AppData\Local\Programs\{common.WINDOW}\{common.WINDOW}.exe"
    assert target.encode("utf-16-le") in shortcut


def test_that_the_shortcut_is_given_the_id_of_the_program(wine: Wine, tmp_path: Path) -> None:
    """The same macro as in the setup, and the bytes that Windows would get."""
    script = tmp_path / "probe.nsi"
    shutil.copyfile(common.HERE / "shortcut.nsh", tmp_path / "shortcut.nsh")
    script.write_text(
        f"""Target amd64-unicode
        Unicode true
        OutFile "{tmp_path}/probe.exe"
        RequestExecutionLevel user
        SilentInstall silent
        !include "shortcut.nsh"
        Section
          !insertmacro MakeIdProperty "{common.APPLICATION_ID}"
          System::Call '*$2(&g16 .r5, &i4 .r6)'
          System::Call '*$3(&i2 .r7, &i6, p .r8, &i8)'
          System::Call '*$8(&w64 .r9)'
          !insertmacro FreeIdProperty
          FileOpen $0 "$EXEDIR\\found.txt" w
          FileWrite $0 "$5|$6|$7|$9"
          FileClose $0
        SectionEnd
        """,
        encoding="utf-8",
    )
    subprocess.run(["makensis", "-V2", "-NOCD", f"-X!addincludedir {tmp_path}", str(script)], check=True)
    assert wine.run(tmp_path / "probe.exe")[0] == 0
    guid, number, kind, text = (tmp_path / "found.txt").read_text(encoding="utf-8").split("|")
    assert uuid.UUID(guid) == uuid.UUID("9f4c2855-9f79-4b39-a8d0-e1d42de1d5f3")
    assert (number, kind, text) == ("5", "31", common.APPLICATION_ID)


def test_that_a_recipe_is_opened_with_the_program(wine: Wine, setups: dict[str, Path]) -> None:
    """Wine 8 does not look among the user's own classes for a double click, so the command is taken from there."""
    install(wine, setups[OLD])
    assert wine.value(KEYS[6]) == common.PROGRAM_ID
    assert wine.value(rf"{KEYS[6]}\OpenWithProgids", common.PROGRAM_ID) is not None
    command = wine.value(rf"{KEYS[5]}\shell\open\command") or ""
    program = command.removesuffix(' "%1"').strip('"')
    assert command == f'"{program}" "%1"'
    recipe = wine.temp / f"ein Fuchs{common.RECIPE_ENDING}"
    started = recipe.with_name(f"{recipe.name}.started")
    assert wine.run(program, "Z:" + str(recipe).replace("/", "\\"))[0] == 0
    assert recipe.name in started.read_text(encoding="utf-8")
    started.unlink()


def test_that_the_program_can_be_started_when_it_is_done(wine: Wine, setups: dict[str, Path]) -> None:
    code, _ = wine.run(setups[OLD], "/S", "/RELAUNCH")
    assert code == 0
    wait_for(wine.temp / "standin.txt")


def test_that_a_folder_with_something_else_stays_untouched(wine: Wine, setups: dict[str, Path]) -> None:
    tools = wine.drive / "Tools"
    (tools / common.CONTENTS).mkdir(parents=True)
    (tools / common.CONTENTS / "mine.txt").write_text("mine", encoding="utf-8")
    before = digests(tools)
    assert install(wine, setups[OLD], r"/D=C:\Tools") == OTHER_FOLDER
    assert digests(tools) == before
    assert not wine.has_key(UNINSTALL)


def test_that_an_old_windows_is_told_so(wine: Wine, setups: dict[str, Path]) -> None:
    wine.be_version("win81")
    try:
        assert install(wine, setups[OLD]) == OLD_WINDOWS
    finally:
        wine.be_version("win10")
    assert not installed(wine).exists()


# Upgrade --------------------------------------------------------------------------------------------------------------


def test_that_an_upgrade_leaves_nothing_stale_and_keeps_what_is_the_users(
    wine: Wine, setups: dict[str, Path], payloads: dict[str, Path]
) -> None:
    install(wine, setups[OLD])
    files = put_user_data(wine)
    assert install(wine, setups[NEW]) == 0
    found = digests(installed(wine))
    found.pop("uninstall.exe")
    assert found == digests(payloads[NEW])
    assert left(files) == set(files)
    assert wine.value(UNINSTALL, "DisplayVersion") == NEW
    assert wine.run(installed(wine) / f"{common.CONSOLE}.exe")[1].strip() == NEW


def test_that_an_upgrade_goes_where_the_program_is(wine: Wine, setups: dict[str, Path]) -> None:
    folder = wine.drive / "Tools" / "Wan"
    assert install(wine, setups[OLD], r"/D=C:\Tools\Wan") == 0
    assert install(wine, setups[NEW]) == 0
    assert (folder / common.CONTENTS / "changed.txt").read_text(encoding="utf-8") == NEW
    assert not installed(wine).exists()


def test_that_a_file_that_was_put_beside_the_program_stays(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    own = installed(wine) / "notes.txt"
    own.write_text("mine", encoding="utf-8")
    install(wine, setups[NEW])
    assert own.read_text(encoding="utf-8") == "mine"
    uninstall(wine)
    assert [path.name for path in installed(wine).iterdir()] == ["notes.txt"]


def test_that_an_older_version_takes_no_newer_ones_place_by_accident(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[NEW])
    before = digests(installed(wine))
    assert install(wine, setups[OLD]) == NEWER_INSTALLED
    assert digests(installed(wine)) == before
    assert install(wine, setups[OLD], "/DOWNGRADE") == 0
    assert wine.value(UNINSTALL, "DisplayVersion") == OLD


@pytest.fixture
def small_drive(tmp_path: Path) -> Iterator[Path]:
    """A drive of one megabyte, really full when it is full."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small drive needs root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_that_an_upgrade_that_fails_puts_back_what_was_there(
    wine: Wine, setups: dict[str, Path], payloads: dict[str, Path], small_drive: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    shutil.copytree(payloads[NEW], large)
    (large / common.CONTENTS / "zz.bin").write_bytes(os.urandom(900_000))
    build.build_setup(large, tmp_path / "large.exe", version=NEW, quick=True)
    target = "Z:" + str(small_drive / "Wan").replace("/", "\\")
    assert install(wine, setups[OLD], f"/D={target}") == 0
    before = digests(small_drive)
    assert install(wine, tmp_path / "large.exe") == CANCELLED_BY_FILE
    assert digests(small_drive) == before
    assert wine.value(UNINSTALL, "DisplayVersion") == OLD


def test_that_an_install_that_fails_leaves_nothing(
    wine: Wine, payloads: dict[str, Path], small_drive: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    shutil.copytree(payloads[NEW], large)
    (large / common.CONTENTS / "zz.bin").write_bytes(os.urandom(1_500_000))
    build.build_setup(large, tmp_path / "large.exe", version=NEW, quick=True)
    target = "Z:" + str(small_drive / "Wan").replace("/", "\\")
    assert install(wine, tmp_path / "large.exe", f"/D={target}") == CANCELLED_BY_FILE
    assert list(small_drive.iterdir()) == []
    assert not wine.has_key(UNINSTALL)


# A program that runs --------------------------------------------------------------------------------------------------


def test_that_a_running_program_is_closed_first(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    running = wine.temp / "standin.txt"
    with wine.start(installed(wine) / f"{common.WINDOW}.exe") as program:
        wait_for(running)
        code, _ = wine.run(setups[NEW], "/S")
        assert program.wait(30) == 0
    assert code == 0
    assert not running.exists()
    assert wine.value(UNINSTALL, "DisplayVersion") == NEW


def test_that_a_program_that_does_not_close_is_left_alone(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    before = digests(installed(wine))
    with wine.start(installed(wine) / f"{common.WINDOW}.exe", "--stubborn") as program:
        wait_for(wine.temp / "standin.txt")
        code, _ = wine.run(setups[NEW], "/S")
        assert program.poll() is None
        wine.close()
    assert code == DOES_NOT_CLOSE
    assert digests(installed(wine)) == before


def test_that_the_uninstaller_closes_it_too(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    with wine.start(installed(wine) / f"{common.WINDOW}.exe") as program:
        wait_for(wine.temp / "standin.txt")
        uninstall(wine)
        assert program.wait(30) == 0
    assert not installed(wine).exists()


# Uninstall ------------------------------------------------------------------------------------------------------------


def test_that_uninstalling_leaves_nothing_of_the_program_and_all_of_the_user(
    wine: Wine, setups: dict[str, Path]
) -> None:
    install(wine, setups[OLD])
    install(wine, setups[NEW])
    files = put_user_data(wine)
    uninstall(wine)
    assert not installed(wine).exists()
    assert not (wine.start_menu / f"{common.APP_NAME}.lnk").exists()
    assert [key for key in KEYS if wine.has_key(key)] == []
    assert left(files) == set(files)


def test_that_a_purge_removes_everything_but_the_videos(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    files = put_user_data(wine)
    deep = files["engine"].parent
    for number in range(9):
        deep = deep / f"{'d' * 30}{number}"
    deep.mkdir(parents=True)
    (deep / "longer than 260 characters.txt").write_text("x", encoding="utf-8")
    files["engine"].chmod(0o444)
    uninstall(wine, "/PURGE")
    assert left(files) == {"videos"}
    assert not (wine.local / common.APP_NAME).exists()


def test_that_videos_go_only_when_they_are_named(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    files = put_user_data(wine)
    uninstall(wine, "/VIDEOS")
    assert left(files) == set(files) - {"videos"}


def test_that_another_programs_claim_on_the_ending_stays(wine: Wine, setups: dict[str, Path]) -> None:
    install(wine, setups[OLD])
    wine.run("reg", "add", KEYS[6], "/ve", "/d", "Other.Program", "/f")
    uninstall(wine)
    assert wine.value(KEYS[6]) == "Other.Program"


# Signing --------------------------------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate for signing that nobody else knows: PKCS #12, its password, and the certificate as PEM."""
    from cryptography import x509  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - only here

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Wan Desktop test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(b"secret")
    paths = folder / "key.p12", folder / "password.txt", folder / "certificate.pem"
    paths[0].write_bytes(pkcs12.serialize_key_and_certificates(b"test", key, made, None, encryption))
    paths[1].write_text("secret", encoding="utf-8")
    paths[2].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return paths


def is_signed(path: Path, authority: Path) -> bool:
    done = subprocess.run(
        ["osslsigncode", "verify", "-CAfile", str(authority), "-in", str(path)], capture_output=True, check=False
    )
    return done.returncode == 0


def test_that_setup_and_uninstaller_are_signed_where_a_certificate_is_given(
    wine: Wine, payloads: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("osslsigncode") is None:
        pytest.skip("osslsigncode is not here")
    key, password, authority = certificate(tmp_path)
    monkeypatch.setenv("WAN_DESKTOP_CERTIFICATE", str(key))
    monkeypatch.setenv("WAN_DESKTOP_CERTIFICATE_PASSWORD", str(password))
    setup = tmp_path / "signed.exe"
    build.build_setup(payloads[OLD], setup, version=OLD, quick=True)
    assert is_signed(setup, authority)
    assert install(wine, setup) == 0
    assert is_signed(installed(wine) / "uninstall.exe", authority)
    assert not is_signed(installed(wine) / f"{common.WINDOW}.exe", authority)
