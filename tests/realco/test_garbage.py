"""Work on many rows is not interrupted by searches for garbage, and leaves the search as it was."""

import gc

import pytest

from realco import garbage


class TestUncollected:
    def test_does_not_collect_inside(self) -> None:
        with garbage.uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()

    def test_collects_again_after_an_error(self) -> None:
        with pytest.raises(ValueError, match="no"), garbage.uncollected():
            raise ValueError("no")
        assert gc.isenabled()

    def test_decorates(self) -> None:
        @garbage.uncollected()
        def inside() -> bool:
            return gc.isenabled()

        assert [inside(), inside()] == [False, False]
        assert gc.isenabled()

    def test_leaves_it_off_where_it_was_off(self) -> None:
        with garbage.uncollected():
            with garbage.uncollected():
                pass
            assert not gc.isenabled()
