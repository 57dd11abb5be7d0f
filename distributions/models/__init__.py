from distributions.models.allocation_lines import AllocationLine, WithholdingRate
from distributions.models.allocations import DistributionAllocation
from distributions.models.approvals import DistributionApproval
from distributions.models.capital_calls import CapitalCall, CapitalCallItem, CapitalCallPayment
from distributions.models.distributions import Distribution
from distributions.models.fund_arrangements import FundArrangement, FundDeal
from distributions.models.personal_readings import PersonalReading
from distributions.models.premiums import PremiumPaidOn
from distributions.models.receipts import Receipt, ReceiptWhole
from distributions.models.reinvestments import Reinvestment, ReinvestmentElection
from distributions.models.tax_exports import TaxExport
from distributions.models.transfers import InvestmentTransfer
from distributions.models.waterfall_examples import WaterfallExample
from distributions.models.waterfall_terms import WaterfallTerms, WaterfallTier
from distributions.models.write_offs import AllocationWriteOff

__all__ = [
    "AllocationLine",
    "AllocationWriteOff",
    "CapitalCall",
    "CapitalCallItem",
    "CapitalCallPayment",
    "Distribution",
    "DistributionAllocation",
    "DistributionApproval",
    "FundArrangement",
    "FundDeal",
    "InvestmentTransfer",
    "PersonalReading",
    "PremiumPaidOn",
    "Receipt",
    "ReceiptWhole",
    "Reinvestment",
    "ReinvestmentElection",
    "TaxExport",
    "WaterfallExample",
    "WaterfallTerms",
    "WaterfallTier",
    "WithholdingRate",
]
