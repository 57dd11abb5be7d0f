from distributions.admin import allocations, capital_calls, distributions, terms, transfers, withholdings

__all__ = ["allocations", "capital_calls", "distributions", "terms", "transfers", "withholdings"]
