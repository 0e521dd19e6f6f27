"""What the tests of results share."""

from __future__ import annotations

import pytest
from mock_results import mock_results

from tuner.results import Study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """60 random trials of the mock study; those with a learning rate above 1 diverged."""
    return mock_results(tmp_path_factory.mktemp("results"))
