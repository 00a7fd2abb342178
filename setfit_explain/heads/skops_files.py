"""Reading a head that was saved with skops, which names the types in a file before it builds them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from setfit_explain.errors import MissingExtraError, ModelError, UnsafePickleError
from setfit_explain.heads.pickles import HARMLESS

if TYPE_CHECKING:
    from pathlib import Path

# What zipfile, JSON, numpy and skops raise for a file that is cut, changed, or of another version.
_DAMAGE = (
    BadZipFile, zlib.error, EOFError, ImportError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
_HARMLESS_NAMES = {f"{module}.{name}" for module, names in HARMLESS.items() for name in names}


def load_skops_head(file: Path, *, trust_pickle: bool) -> Any:
    """Read the head that ``skops.io.dump`` saved.

    Parameters
    ----------
    file
        The ``.skops`` file.
    trust_pickle
        Build whatever types it names.

    Raises
    ------
    MissingExtraError
        skops is not installed.
    UnsafePickleError
        The file names types that no supported head needs, and ``trust_pickle`` is False.
    ModelError
        The file is damaged.
    """
    try:
        from skops import io
    except ImportError as error:
        raise MissingExtraError.of("skops", "skops") from error
    try:
        named = io.get_untrusted_types(file=file)
        refused = [name for name in named if name not in _HARMLESS_NAMES]
        if refused and not trust_pickle:
            raise UnsafePickleError(
                f"The saved head {str(file)!r} names {', '.join(refused)}, which are not part of a supported head; "
                "reading it could run code from the file. If you trust its origin, pass trust_pickle=True "
                "(--trust-pickle)."
            )
        return io.load(file, trusted=named)
    except _DAMAGE as error:
        raise ModelError(f"The head {str(file)!r} cannot be read: {error}") from error
