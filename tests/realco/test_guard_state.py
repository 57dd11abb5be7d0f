"""How the state of guards reads the condition of a trigger: alike, whoever wrote it down last."""

import pytest

from realco import guard_state

WRITTEN = "NEW.event IN ('UNKNOWN_RECEIPT', 'BANK_FEE')"


@pytest.mark.parametrize(
    "found",
    [
        "((new.event)::text = ANY ((ARRAY['UNKNOWN_RECEIPT'::character varying,"
        " 'BANK_FEE'::character varying])::text[]))",
        "((new.event)::text = ANY (ARRAY[('UNKNOWN_RECEIPT'::character varying)::text,"
        " ('BANK_FEE'::character varying)::text]))",
    ],
    ids=["as installed", "as restored from a dump"],
)
def test_knows_a_condition_again(found: str) -> None:
    assert guard_state._told(found) == guard_state._told(WRITTEN)


def test_tells_conditions_apart() -> None:
    either, both = (f"NEW.event = 'REVERSAL' {how} NEW.reverses_id IS NOT NULL" for how in ("OR", "AND"))
    assert guard_state._told(either) != guard_state._told(both)
    assert guard_state._told(WRITTEN) != guard_state._told(WRITTEN.replace("BANK_FEE", "REVERSAL"))
