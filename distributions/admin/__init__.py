from distributions.admin import (
    allocations,
    call_items,
    capital_calls,
    distributions,
    fund_arrangements,
    personal_readings,
    reinvestments,
    tax_exports,
    terms,
    transfers,
    withholdings,
    write_offs,
)

__all__ = [
    "allocations",
    "call_items",
    "capital_calls",
    "distributions",
    "fund_arrangements",
    "personal_readings",
    "reinvestments",
    "tax_exports",
    "terms",
    "transfers",
    "withholdings",
    "write_offs",
]
