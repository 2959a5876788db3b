"""Writes a file whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from traitbench.errors import InfrastructureError, InputError, TraitbenchError

_DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def write_whole(path: Path, text: str | bytes) -> None:
    """Writes bytes, or text as UTF-8, to `path` by way of a file aside, so that a reader never sees half of one.

    Raises:
        InputError: the place cannot be written.
        InfrastructureError: the disk is full, or fails.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if isinstance(text, bytes):
                aside.write_bytes(text)
            else:
                aside.write_text(text, encoding="utf-8")
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise write_fault(path, error) from None


def write_fault(path: Path, error: OSError) -> TraitbenchError:
    """What to raise where writing to `path` failed: the user's to mend, or the machine's fault."""
    if error.errno in _DISK_FAULTS:
        return InfrastructureError(f"{path}: writing failed ({error.strerror}); nothing was left there")
    return InputError(f"{path}: cannot be written ({error.strerror}); choose another folder")
