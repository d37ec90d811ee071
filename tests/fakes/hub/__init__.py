"""A Hub on this machine, with every transport fault there is; the contract is in reliability.md of the design notes."""

from tests.fakes.hub.answers import Request
from tests.fakes.hub.contents import Content, Source, SparseFile
from tests.fakes.hub.fake_hub import FakeHub
from tests.fakes.hub.faults import FAULTS, Fault, FaultKind
from tests.fakes.hub.server import CERTIFICATE

__all__ = ["CERTIFICATE", "FAULTS", "Content", "FakeHub", "Fault", "FaultKind", "Request", "Source", "SparseFile"]
