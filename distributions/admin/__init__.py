from distributions.admin import allocations, distributions, terms, withholdings

__all__ = ["allocations", "distributions", "terms", "withholdings"]
