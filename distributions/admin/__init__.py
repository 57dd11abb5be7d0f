from distributions.admin import allocations, distributions, terms

__all__ = ["allocations", "distributions", "terms"]
