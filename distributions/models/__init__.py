from distributions.models.distributions import Distribution, DistributionAllocation, DistributionApproval
from distributions.models.waterfall_examples import WaterfallExample
from distributions.models.waterfall_terms import WaterfallTerms, WaterfallTier

__all__ = [
    "Distribution",
    "DistributionAllocation",
    "DistributionApproval",
    "WaterfallExample",
    "WaterfallTerms",
    "WaterfallTier",
]
