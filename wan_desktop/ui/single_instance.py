"""One window for each data folder: a second start brings the first one's window up, and may hand it a file.

Which start is the first is decided by a lock of the operating system on a file in the data folder. The system lets go
of it when the process ends, however it ends, so nothing has to be healed afterwards. The first one writes beside it
under which name it listens: a new random one each time, so that nobody can wait there for us. QtNetwork is imported
after the first paint, or in the second start, which paints nothing.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.errors import AlreadyOpenError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.store.disk_file import lock_file
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer

    from wan_desktop.core.store.disk_file import FolderLock
    from wan_desktop.ui.windows_shell import Libraries

logger = logging.getLogger(__name__)
_LOCK_NAME, _ADDRESS_NAME = "window.lock", "window-address.json"
_OK = b"ok\n"
_MAX_MESSAGE_BYTES = 65_536
_PATIENCE_S = 10.0
"""The first start may just be opening, or still be ending."""
_TRY_MS, _PAUSE_S = 1000, 0.1
_IDLE_MS = 5000


class Instance:
    """The right to be the only one; see `claim`."""

    def __init__(self, data: Path, lock: FolderLock | None) -> None:
        self.data = data
        self._lock = lock

    @property
    def address_file(self) -> Path:
        """Says where it listens."""
        return self.data / _ADDRESS_NAME

    def close(self) -> None:
        """Let another start be the first; safe to call again."""
        if self._lock is not None:
            self._lock.close()


def claim(
    data: Path, file: Path | None = None, *, libraries: Libraries | None = None, patience_s: float = _PATIENCE_S
) -> Instance | None:
    """Become the one instance of that data folder, or call the one there is.

    Args:
        data: The data folder; it exists.
        file: To be handed over.
        libraries: Windows'.
        patience_s: How long an instance that does not answer is asked again.

    Returns:
        The right to go on; None when another one has been called, and has answered.

    Raises:
        AlreadyOpenError: There is another one that does not answer.
    """
    give_up = time.monotonic() + patience_s
    while True:
        try:
            return Instance(data, lock_file(data / _LOCK_NAME))
        except BlockingIOError:
            if _call(data / _ADDRESS_NAME, file, libraries):
                return None
        except OSError as error:  # a drive without locks: better two windows than none
            logger.warning("No lock in %s: %s", data, error)
            return Instance(data, None)
        if time.monotonic() >= give_up:
            raise AlreadyOpenError(
                tr("Wan Desktop is open already, but its window does not answer."),
                hint=tr("Wait a moment and start it again. If that does not help, end it in the Task Manager."),
            )
        time.sleep(_PAUSE_S)


def _call(address: Path, file: Path | None, libraries: Libraries | None) -> bool:
    """Ask the first instance to come to the front; True if it answers that it does."""
    from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 - in a second start only

    from wan_desktop.ui.windows_shell import let_come_to_front  # noqa: PLC0415 - in a second start only

    try:
        told = json.loads(address.read_text(encoding="utf-8"))
        name, process_id = str(told["name"]), int(told["process_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    let_come_to_front(libraries, process_id)
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(_TRY_MS):
        return False
    message = {"file": None if file is None else os.path.abspath(file)}  # noqa: PTH100 - links stay as they are
    socket.write(json.dumps(message).encode() + b"\n")
    while not socket.canReadLine():
        if not socket.waitForReadyRead(_TRY_MS):
            return False
    answered = socket.readLine().data() == _OK
    socket.disconnectFromServer()
    return answered


class SingleInstance(QObject):
    """The first instance's ear.

    Args:
        instance: Whose address it writes.
        parent: Its parent.
    """

    called = Signal(object)
    """Somebody started the program again; a Path if a file came with it, else None."""

    def __init__(self, instance: Instance, parent: QObject) -> None:
        super().__init__(parent)
        self._instance = instance
        self._server: QLocalServer | None = None

    @property
    def listening(self) -> bool:
        """A second start is heard."""
        return self._server is not None and self._server.isListening()

    def listen(self) -> None:
        """Begin to listen; after the first paint. What fails is logged: then a second start says that it is open."""
        from PySide6.QtNetwork import QLocalServer  # noqa: PLC0415 - 20 ms, and nobody waits for it

        server = self._server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._on_connection)
        name = f"wan-desktop-{os.urandom(16).hex()}"
        if not server.listen(name):
            logger.warning("A second start cannot be heard: %s", server.errorString())
            return
        try:
            write_atomically(
                self._instance.address_file, json.dumps({"name": name, "process_id": os.getpid()}).encode()
            )
        except OSError as error:
            logger.warning("A second start cannot find this one: %s", error)

    def close(self) -> None:
        """Stop listening; safe to call again."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._instance.address_file.unlink(missing_ok=True)

    @Slot()
    def _on_connection(self) -> None:
        from PySide6.QtCore import QTimer  # noqa: PLC0415 - rarely needed

        while self._server is not None and self._server.hasPendingConnections():
            socket = self._server.nextPendingConnection()
            socket.readyRead.connect(self._on_ready)
            socket.disconnected.connect(socket.deleteLater)
            QTimer.singleShot(_IDLE_MS, socket, socket.abort)  # whoever says nothing is not waited for

    @Slot()
    def _on_ready(self) -> None:
        from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 - after the first paint

        socket = self.sender()
        if not isinstance(socket, QLocalSocket):
            return
        if not socket.canReadLine():
            if socket.bytesAvailable() > _MAX_MESSAGE_BYTES:
                socket.abort()
            return
        try:
            file = json.loads(bytes(socket.readLine(_MAX_MESSAGE_BYTES).data()))["file"]
            path = None if file is None else Path(file)
        except (ValueError, KeyError, TypeError, RecursionError):
            socket.abort()
            return
        socket.write(_OK)
        socket.flush()
        self.called.emit(path)
