"""What the C library keeps of freed memory is bounded, whatever the texts' lengths."""

import ctypes
import mmap
from types import SimpleNamespace

from setfit_explain import heap

MEBIBYTE = 2**20


def test_free_memory_is_given_back_where_the_process_has_grown_and_only_there(monkeypatch):
    given, sizes = [], []
    library = SimpleNamespace(malloc_trim=given.append)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(heap, "_held", 500 * MEBIBYTE)
    monkeypatch.setattr(heap, "_resident", lambda: sizes.pop(0) * MEBIBYTE)
    slack = heap._SLACK // MEBIBYTE
    for told, expected in (
        ([500 + slack], 0),
        ([501 + slack, 520], 1),  # 520 are left
        ([520 + slack], 1),
        ([521 + slack, 300], 2),
        ([100], 2),  # the process has freed by itself
        ([101 + slack, 90], 3),
    ):
        sizes[:] = told
        heap.give_back()
        assert len(given) == expected
    del library.malloc_trim  # another C library
    sizes[:] = [900, 900]
    heap.give_back()


def test_the_resident_memory_grows_with_what_is_held():
    before = heap._resident()
    with mmap.mmap(
        -1, 64 * MEBIBYTE
    ) as held:  # pages of its own: an array may take what the C library has kept
        held.write(b"x" * len(held))
        assert heap._resident() - before > 0.9 * len(held) or before == 0
