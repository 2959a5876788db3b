"""What the tests share: offline libraries, the catalogue, the lab's first base."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from pathlib import Path

import pytest

import traitbench
from traitbench.catalog import Catalog, load_catalog


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def base() -> Path:
    """The directory of the lab's first base."""
    return Path(traitbench.__file__).parent / "lab" / "bases" / "0"
