"""A Hub on this machine, with every transport fault there is, as huggingface_hub 2.4.0 and our own client call it."""

from tests.fakes.hub.answers import Request
from tests.fakes.hub.contents import Content, Source, SparseFile
from tests.fakes.hub.fake_hub import FakeHub
from tests.fakes.hub.faults import FAULTS, Fault, FaultKind
from tests.fakes.hub.server import CERTIFICATE

__all__ = ["CERTIFICATE", "FAULTS", "Content", "FakeHub", "Fault", "FaultKind", "Request", "Source", "SparseFile"]
