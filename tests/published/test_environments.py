"""Where a published client cannot be installed its tests are skipped, and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.published import environments

pytestmark = pytest.mark.slow


def test_without_a_network_a_test_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "HOME", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        pytest.skip.Exception, match="what published clients require cannot be installed here"
    ):
        environments.interpreter("5.0.8")
    assert not [*tmp_path.rglob("ready")]
