from distributions.admin import (
    allocations,
    capital_calls,
    distributions,
    tax_exports,
    terms,
    transfers,
    withholdings,
)

__all__ = ["allocations", "capital_calls", "distributions", "tax_exports", "terms", "transfers", "withholdings"]
