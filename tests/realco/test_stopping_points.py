"""The places at which tests kill a process: inert for everybody else."""

import os

import pytest
from django.conf import LazySettings

from realco import stopping_points


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda process, signal: calls.append((process, signal)))
    monkeypatch.setenv(stopping_points.VARIABLE, "here")
    return calls


class TestReach:
    def test_kills_at_the_named_place_in_test_mode(self, killed: list[tuple[int, int]], settings: LazySettings) -> None:
        settings.MODE = "test"
        stopping_points.reach("elsewhere")
        assert killed == []
        stopping_points.reach("here")
        assert killed == [(os.getpid(), 9)]

    @pytest.mark.parametrize("mode", ["production", "development"])
    def test_does_nothing_in_every_other_mode(
        self, killed: list[tuple[int, int]], settings: LazySettings, mode: str
    ) -> None:
        settings.MODE = mode
        stopping_points.reach("here")
        assert killed == []
