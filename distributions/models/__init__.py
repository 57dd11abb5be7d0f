from distributions.models.allocation_lines import AllocationLine, WithholdingRate
from distributions.models.approvals import DistributionApproval
from distributions.models.distributions import Distribution, DistributionAllocation
from distributions.models.receipts import Receipt, ReceiptWhole
from distributions.models.waterfall_examples import WaterfallExample
from distributions.models.waterfall_terms import WaterfallTerms, WaterfallTier

__all__ = [
    "AllocationLine",
    "Distribution",
    "DistributionAllocation",
    "DistributionApproval",
    "Receipt",
    "ReceiptWhole",
    "WaterfallExample",
    "WaterfallTerms",
    "WaterfallTier",
    "WithholdingRate",
]
