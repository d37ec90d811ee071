"""What one render takes, before it begins: memory, disk and time, by formulas over the shapes of its parts."""

from wan_desktop.core.estimate.estimating import estimate, size_class
from wan_desktop.core.estimate.records import Basis, Estimate, Machine, StageEstimate, Workload

__all__ = ["Basis", "Estimate", "Machine", "StageEstimate", "Workload", "estimate", "size_class"]
