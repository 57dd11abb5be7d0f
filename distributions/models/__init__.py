from distributions.models.allocation_lines import AllocationLine, WithholdingRate
from distributions.models.approvals import DistributionApproval
from distributions.models.distributions import Distribution, DistributionAllocation
from distributions.models.waterfall_terms import WaterfallTerms, WaterfallTier

__all__ = [
    "AllocationLine",
    "Distribution",
    "DistributionAllocation",
    "DistributionApproval",
    "WaterfallTerms",
    "WaterfallTier",
    "WithholdingRate",
]
