"""Whether this PC has an internet connection, as the system sees it; nothing is sent to find out."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QNetworkInformation


class Reachability(QObject):
    """Follows the system's word; where the system does not say, there is a connection."""

    offline_changed = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.offline = False
        """There is no connection at all."""
        if not QNetworkInformation.loadBackendByFeatures(QNetworkInformation.Feature.Reachability):
            return
        information = QNetworkInformation.instance()
        information.reachabilityChanged.connect(self._on_changed)
        self._on_changed(information.reachability())

    @Slot(QNetworkInformation.Reachability)
    def _on_changed(self, reachability: QNetworkInformation.Reachability) -> None:
        offline = reachability == QNetworkInformation.Reachability.Disconnected
        if offline != self.offline:
            self.offline = offline
            self.offline_changed.emit(offline)
