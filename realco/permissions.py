"""
Who may do what: the named permissions operations ask for, and the groups that hold them.

Operations ask; doors never decide. A superuser holds every permission but gains no second pair
of eyes: four-eyes rules apply to everyone.
"""

from realco.errors import NotPermitted
from realco.models import User

INITIATE_PAYMENT = "finance.initiate_transaction"
APPROVE_PAYMENT = "finance.approve_transaction"
HOLD_PAYMENT = "finance.hold_transaction"
RETRY_PAYMENT = "finance.retry_transaction"
VERIFY_BANK_ACCOUNT = "finance.verify_bankaccount"
PROPOSE_REFUND_RUN = "finance.propose_refundrun"
APPROVE_REFUND_RUN = "finance.approve_refundrun"
MANAGE_ESCROW = "escrow.manage_escrowaccount"
FREEZE_ESCROW = "escrow.freeze_escrowaccount"
RECONCILE = "escrow.reconcile_escrowaccount"
PROPOSE_CLOSING = "escrow.propose_closing"
APPROVE_CLOSING = "escrow.approve_closing"
PROPOSE_REVERSAL = "escrow.propose_journalreversal"
APPROVE_REVERSAL = "escrow.approve_journalreversal"
APPROVE_BANK_PROPOSAL = "escrow.approve_bankproposal"
REVIEW_CHECK = "compliance.review_compliancecheck"
RESTRICT_INVESTOR = "compliance.restrict_investorprofile"
CREATE_DISTRIBUTION = "distributions.create_distribution"
APPROVE_DISTRIBUTION = "distributions.approve_distribution"
EXECUTE_DISTRIBUTION = "distributions.execute_distribution"
DRAFT_TERMS = "distributions.draft_waterfallterms"
ACTIVATE_TERMS = "distributions.activate_waterfallterms"
CREATE_CAPITAL_CALL = "distributions.create_capitalcall"
APPROVE_CAPITAL_CALL = "distributions.approve_capitalcall"
PROPOSE_TRANSFER = "distributions.propose_investmenttransfer"
APPROVE_TRANSFER = "distributions.approve_investmenttransfer"
EXPORT_TAX_DATA = "distributions.create_taxexport"
VIEW_TAX_IDS = "distributions.show_taxids"

VIEW_EVERYTHING = (
    "realco.view_user", "realco.view_organization", "realco.view_offering", "realco.view_auditevent",
    "compliance.view_investorprofile", "compliance.view_compliancecheck", "compliance.view_transactionlimit",
    "compliance.view_sanctionedparty", "compliance.view_sanctionsimport",
    "escrow.view_escrowaccount", "escrow.view_ledgeraccount", "escrow.view_journalentry",
    "escrow.view_escrowledgerentry", "escrow.view_investment", "escrow.view_reconciliation",
    "escrow.view_bankfilelayout", "escrow.view_bankstatement", "escrow.view_bankstatementline",
    "escrow.view_closing",
    "escrow.view_closingapproval", "escrow.view_earlyclosingnotice", "escrow.view_hold", "escrow.view_commitment",
    "escrow.view_proofsnapshot", "escrow.view_journalreversal",
    "escrow.view_bankmatch", "escrow.view_bankproposal",
    "finance.view_transaction", "finance.view_transactionattempt", "finance.view_transactionwebhook",
    "finance.view_bankaccount", "finance.view_feerule",
    "finance.view_refundrun", "finance.view_refunditem", "finance.view_refundrunapproval",
    "distributions.view_distribution", "distributions.view_distributionallocation",
    "distributions.view_distributionapproval", "distributions.view_waterfallterms",
    "distributions.view_waterfalltier", "distributions.view_waterfallexample",
    "distributions.view_fundarrangement",
    "distributions.view_allocationline", "distributions.view_withholdingrate",
    "distributions.view_allocationwriteoff",
    "distributions.view_capitalcall", "distributions.view_capitalcallitem", "distributions.view_capitalcallpayment",
    "distributions.view_reinvestment", "distributions.view_reinvestmentelection",
    "distributions.view_investmenttransfer", "distributions.view_taxexport", "distributions.view_personalreading",
)  # fmt: skip

GROUPS: dict[str, tuple[str, ...]] = {
    "Operations": (
        *VIEW_EVERYTHING, INITIATE_PAYMENT, HOLD_PAYMENT, RETRY_PAYMENT, VERIFY_BANK_ACCOUNT, MANAGE_ESCROW,
        RECONCILE, PROPOSE_CLOSING, PROPOSE_REVERSAL, PROPOSE_REFUND_RUN, CREATE_DISTRIBUTION, EXECUTE_DISTRIBUTION,
        CREATE_CAPITAL_CALL, PROPOSE_TRANSFER, EXPORT_TAX_DATA, DRAFT_TERMS,
    ),
    "Approvers": (
        *VIEW_EVERYTHING, APPROVE_PAYMENT, HOLD_PAYMENT, FREEZE_ESCROW, APPROVE_CLOSING, APPROVE_REVERSAL,
        APPROVE_BANK_PROPOSAL, APPROVE_REFUND_RUN, APPROVE_DISTRIBUTION, APPROVE_CAPITAL_CALL, APPROVE_TRANSFER,
        ACTIVATE_TERMS,
    ),
    "Compliance": (
        *VIEW_EVERYTHING, HOLD_PAYMENT, VERIFY_BANK_ACCOUNT, FREEZE_ESCROW, REVIEW_CHECK, RESTRICT_INVESTOR,
        EXPORT_TAX_DATA, VIEW_TAX_IDS,
    ),
}  # fmt: skip


def require(user: User | None, permission: str) -> None:
    """
    Refuse unless the user is active and holds the permission.

    :raises NotPermitted: with the name of what is missing
    """
    if user is None or not user.is_active or not user.has_perm(permission):
        raise NotPermitted(
            f"You need the permission “{permission}” for this; ask an administrator to give it to you.",
            permission=permission,
        )
