"""What all tests of real processes share."""

import shutil

import pytest

from castle import ended


@pytest.fixture(autouse=True)
def tidy():
    """A cluster's files go when the test that ended it passed: a run would fill a disk otherwise."""
    yield
    while ended:
        shutil.rmtree(ended.pop())
