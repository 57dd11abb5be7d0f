from compliance.models.compliance_checks import ComplianceCheck
from compliance.models.investor_profiles import CheckStatus, InvestorProfile
from compliance.models.sanctioned_parties import SanctionedName, SanctionedParty, SanctionsImport
from compliance.models.transaction_limits import TransactionLimit

__all__ = [
    "CheckStatus",
    "ComplianceCheck",
    "InvestorProfile",
    "SanctionedName",
    "SanctionedParty",
    "SanctionsImport",
    "TransactionLimit",
]
