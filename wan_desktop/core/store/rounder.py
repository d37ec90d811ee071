"""Rounds float32 to bfloat16."""

import numpy as np

from wan_desktop.core.store.disk_file import Data

_BF16_NAN = 0x7FC0


class Rounder:
    """Rounds float32 to bfloat16 as torch does: to the nearest value, to the even one of two; too large is infinite.

    NaN becomes 0x7FC0 whatever its bits are. That is what torch's portable code makes of it; its vector code makes
    0xFFFF on some processors, which would give the file another sha256 there.

    Args:
        max_bytes: Of the float32 values at a time; working memory is 1.75 times that, allocated once.
    """

    def __init__(self, max_bytes: int) -> None:
        count = max_bytes // 4
        self._sums = np.empty(count, "<u4")
        self._rounded = np.empty(count, "<u2")
        self._nans = np.empty(count, np.bool_)

    def __call__(self, values: Data) -> memoryview:
        """The bfloat16 bytes of these float32 bytes, both little-endian; they are valid until the next call."""
        bits = np.frombuffer(values, "<u4")
        count = len(bits)
        sums, rounded, nans = self._sums[:count], self._rounded[:count], self._nans[:count]
        # Add just under half of the last place that stays, and all of the half when that place is odd.
        np.right_shift(bits, 16, out=sums)
        np.bitwise_and(sums, 1, out=sums)
        np.add(sums, 0x7FFF, out=sums)
        np.add(sums, bits, out=sums)
        np.right_shift(sums, 16, out=sums)
        np.copyto(rounded, sums, casting="unsafe")
        np.isnan(bits.view("<f4"), out=nans)
        if nans.any():
            np.copyto(rounded, _BF16_NAN, where=nans)
        return rounded.view("u1").data
