from distributions.models.distributions import Distribution, DistributionAllocation, DistributionApproval
from distributions.models.receipts import Receipt, ReceiptWhole
from distributions.models.waterfall_examples import WaterfallExample
from distributions.models.waterfall_terms import WaterfallTerms, WaterfallTier

__all__ = [
    "Distribution",
    "DistributionAllocation",
    "DistributionApproval",
    "Receipt",
    "ReceiptWhole",
    "WaterfallExample",
    "WaterfallTerms",
    "WaterfallTier",
]
