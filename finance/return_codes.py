"""
What a bank's return means for the payment, the bank account and the person (NACHA Operating Rules).

Only R01 and R09 may be presented again, at most twice more within 180 days and for the same
amount; everything else that is not technical goes to a person.
"""

from datetime import timedelta

REPRESENTABLE = frozenset({"R01", "R09"})
MAX_REPRESENTMENTS = 2
REPRESENTMENT_WINDOW = timedelta(days=180)
REPRESENT_AFTER_BUSINESS_DAYS = 2

BLOCKS_BANK_ACCOUNT = frozenset({"R02", "R03", "R04", "R13", "R20", "R28"})
REVOKES_AUTHORIZATION = frozenset({"R07", "R08"})
HOLDS_INVESTOR = frozenset({"R05", "R10", "R11", "R29", "R51"})
LEGAL_HOLD = frozenset({"R16"})

TECHNICAL = frozenset({"PROVIDER_ERROR", "PROVIDER_BUSY"})
RETRY_DELAYS = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))

MEANINGS = {
    "R01": "Insufficient funds",
    "R02": "Account closed",
    "R03": "No account, or unable to locate it",
    "R04": "Invalid account number",
    "R05": "Unauthorized debit to a consumer account",
    "R07": "Authorization revoked by the customer",
    "R08": "Payment stopped",
    "R09": "Uncollected funds",
    "R10": "Customer advises that the debit was not authorized",
    "R11": "Customer advises that the entry does not follow the authorization",
    "R13": "Routing number not valid",
    "R16": "Account frozen, or returned by order of OFAC",
    "R20": "Not a transaction account",
    "R28": "Routing number check digit error",
    "R29": "Corporate customer advises not authorized",
    "R51": "Notice not provided, or the signature is not authentic",
    "PROVIDER_ERROR": "The provider had a technical failure",
    "PROVIDER_BUSY": "The provider was too busy",
}


def meaning(code: str) -> str:
    """Return a code's meaning in words."""
    return MEANINGS.get(code, "Returned by the bank")
