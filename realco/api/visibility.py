"""
What a person may see: staff with the permission to view everything, anybody else what is theirs.

Every endpoint starts from one of these, so that what is somebody else's is not found, exactly as if
it did not exist.
"""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from distributions.models import (
    CapitalCall,
    CapitalCallItem,
    Distribution,
    DistributionAllocation,
    FundArrangement,
    InvestmentTransfer,
    WaterfallTerms,
    WithholdingRate,
)
from distributions.queries import distributions as distribution_queries
from distributions.queries import fund_arrangements
from distributions.queries.capital_calls import COUNTED as CALLED
from escrow.models import EscrowAccount, EscrowLedgerEntry, Investment, LedgerAccount
from escrow.queries import investor_offerings
from finance.models import BankAccount, RefundItem, RefundRun, Transaction
from finance.queries import refund_runs as refund_queries
from realco.api.errors import (
    CapitalCallNotFound,
    DistributionNotFound,
    EscrowAccountNotFound,
    FundNotFound,
    OfferingNotFound,
    RefundRunNotFound,
    TermsNotFound,
    TransactionNotFound,
    TransferNotFound,
)
from realco.errors import NotFound, NotPermitted
from realco.models import Offering, User

VIEW_CALLS = "distributions.view_capitalcall"
VIEW_TRANSFERS = "distributions.view_investmenttransfer"


def is_viewer(person: User, permission: str) -> bool:
    """Whether a person is staff who may view all rows of a kind."""
    return person.is_active and person.is_staff and person.has_perm(permission)


def transactions(person: User) -> QuerySet[Transaction]:
    """Return the payments that a person may see."""
    if is_viewer(person, "finance.view_transaction"):
        return Transaction.objects.all()
    return Transaction.objects.filter(Q(from_user=person) | Q(to_user=person))


def escrow_accounts(person: User) -> QuerySet[EscrowAccount]:
    """Return the escrow accounts that a person may see: of investors, those of the offerings they invest in."""
    if is_viewer(person, "escrow.view_escrowaccount"):
        return EscrowAccount.objects.all()
    invested = Investment.objects.filter(offering=OuterRef("offering"), investor=person)
    owned = LedgerAccount.objects.filter(escrow_account=OuterRef("pk"), owner=person)
    return EscrowAccount.objects.filter(Exists(invested) | Exists(owned))


def ledger_accounts(person: User, account: EscrowAccount) -> QuerySet[LedgerAccount]:
    """Return the ledger accounts of an escrow account that a person may see."""
    accounts = LedgerAccount.objects.filter(escrow_account=account)
    return accounts if is_viewer(person, "escrow.view_ledgeraccount") else accounts.filter(owner=person)


def ledger_entries(person: User, account: EscrowAccount) -> QuerySet[EscrowLedgerEntry]:
    """Return the entries of an escrow account's ledger that a person may see."""
    entries = EscrowLedgerEntry.objects.filter(escrow_account=account).select_related("journal_entry", "ledger_account")
    return (
        entries if is_viewer(person, "escrow.view_escrowledgerentry") else entries.filter(ledger_account__owner=person)
    )


def offerings(person: User) -> QuerySet[Offering]:
    """Return the offerings that a person may see."""
    return (
        Offering.objects.all() if is_viewer(person, "realco.view_offering") else investor_offerings.visible_to(person)
    )


def distributions(person: User) -> QuerySet[Distribution]:
    """Return the distributions that a person may see: of investors, the approved ones that pay them."""
    return distribution_queries.visible_to(person)


def allocations(person: User, distribution: Distribution) -> QuerySet[DistributionAllocation]:
    """Return the standing allocations of a distribution that a person may see."""
    rows = distribution_queries.allocations_visible_to(person).filter(distribution=distribution)
    return rows.prefetch_related("reinvestments")


def waterfall_terms(person: User) -> QuerySet[WaterfallTerms]:
    """Return the versions of waterfall terms that a person may see as data: staff all of them, others none."""
    rows = WaterfallTerms.objects.prefetch_related("tiers", "examples").select_related("offering", "created_by")
    return rows if is_viewer(person, "distributions.view_waterfallterms") else rows.none()


def terms_version(person: User, key: str | UUID) -> WaterfallTerms:
    """
    Find a version of waterfall terms.

    :raises TermsNotFound: if there is none, or it is not theirs to see
    """
    found = waterfall_terms(person).filter(pk=identifier(key)).first()
    if found is None:
        raise TermsNotFound("There are no such terms.")
    return found


def funds(person: User) -> QuerySet[FundArrangement]:
    """Return the funds that a person may see: of a sponsor's owner, their own that were activated."""
    return fund_arrangements.visible_to(person).prefetch_related("deals")


def fund(person: User, key: str | UUID) -> FundArrangement:
    """
    Find a fund.

    :raises FundNotFound: if there is none, or it is not theirs to see
    """
    found = funds(person).filter(pk=identifier(key)).first()
    if found is None:
        raise FundNotFound("There is no such fund.")
    return found


def require_viewer(person: User, permission: str) -> None:
    """
    Refuse whoever is not staff who may view all rows of a kind.

    :raises NotPermitted: if they are not
    """
    if not is_viewer(person, permission):
        raise NotPermitted("Only staff see this.", permission=permission)


def capital_calls(person: User) -> QuerySet[CapitalCall]:
    """Return the capital calls that a person may see: of investors, those made of them."""
    if is_viewer(person, VIEW_CALLS):
        return CapitalCall.objects.all()
    return CapitalCall.objects.filter(status__in=CALLED, items__investor=person).distinct()


def capital_call(person: User, key: str | UUID) -> CapitalCall:
    """
    Find a capital call.

    :raises CapitalCallNotFound: if there is none, or it is not theirs to see
    """
    found = capital_calls(person).filter(pk=identifier(key)).first()
    if found is None:
        raise CapitalCallNotFound("There is no such capital call.")
    return found


def call_items(person: User, call: CapitalCall) -> QuerySet[CapitalCallItem]:
    """Return what is owed of a call, as far as a person may see it: of investors, their own item."""
    items = CapitalCallItem.objects.filter(call=call).select_related("call")
    return items if is_viewer(person, VIEW_CALLS) else items.filter(investor=person)


def call_item(person: User, call_key: str, key: str) -> CapitalCallItem:
    """
    Find what one investment owes of a call.

    :raises CapitalCallNotFound: if there is no such item of that call, or it is not theirs to see
    """
    found = call_items(person, capital_call(person, call_key)).filter(pk=identifier(key)).first()
    if found is None:
        raise CapitalCallNotFound("There is no such item of this capital call.")
    return found


def transfers(person: User) -> QuerySet[InvestmentTransfer]:
    """Return the transfers that a person may see: of investors, the executed ones by which they sold or bought."""
    rows = InvestmentTransfer.objects.select_related("seller_investment")
    if is_viewer(person, VIEW_TRANSFERS):
        return rows
    theirs = Q(buyer=person) | Q(seller_investment__investor=person)
    return rows.filter(theirs, status=InvestmentTransfer.Status.EXECUTED)


def transfer(person: User, key: str | UUID) -> InvestmentTransfer:
    """
    Find a transfer.

    :raises TransferNotFound: if there is none, or it is not theirs to see
    """
    found = transfers(person).filter(pk=identifier(key)).first()
    if found is None:
        raise TransferNotFound("There is no such transfer.")
    return found


def investment(person: User, key: str | UUID) -> Investment:
    """
    Find an investment.

    :raises NotFound: if there is none, or it is somebody else's
    """
    rows = Investment.objects.all()
    rows = rows if is_viewer(person, "escrow.view_investment") else rows.filter(investor=person)
    found = rows.filter(pk=identifier(key)).first()
    if found is None:
        raise NotFound("There is no such investment.")
    return found


def withholding_rates(person: User) -> QuerySet[WithholdingRate]:
    """Return the rates of withholding that a person may see: staff all of them, others their own."""
    rows = WithholdingRate.objects.all()
    return rows if is_viewer(person, "distributions.view_withholdingrate") else rows.filter(investor=person)


def person(asking: User, key: str | UUID) -> User:
    """
    Find somebody: staff who may view people find everybody, others themselves.

    :raises NotFound: if there is nobody, or they are not theirs to see
    """
    people = User.objects.all() if is_viewer(asking, "realco.view_user") else User.objects.filter(pk=asking.pk)
    found = people.filter(pk=identifier(key)).first()
    if found is None:
        raise NotFound("There is no such person.")
    return found


def sponsors_account(distribution: Distribution, key: UUID) -> BankAccount:
    """
    Find a bank account to which deductions of a distribution can be remitted: one of the offering's sponsor.

    :raises NotFound: if there is none
    """
    sponsor = distribution.offering.organization_id
    found = BankAccount.objects.filter(organization_id=sponsor, pk=key).first()
    if found is None:
        raise NotFound("There is no such bank account of the offering's sponsor.")
    return found


def refund_runs(person: User, account: EscrowAccount) -> QuerySet[RefundRun]:
    """Return the refund runs of an escrow account that a person may see: of investors, those that pay them back."""
    runs = RefundRun.objects.filter(escrow_account=account)
    return runs if is_viewer(person, refund_queries.VIEW) else runs.filter(items__investor=person).distinct()


def refund_items(person: User, run: RefundRun) -> QuerySet[RefundItem]:
    """Return the refunds of a run that a person may see: of investors, their own."""
    items = RefundItem.objects.filter(run=run).select_related("payment")
    return items if is_viewer(person, refund_queries.VIEW) else items.filter(investor=person)


def refund_run(person: User, account: EscrowAccount, key: str | UUID) -> RefundRun:
    """
    Find a refund run.

    :raises RefundRunNotFound: if there is none, or it is not theirs to see
    """
    found = refund_runs(person, account).filter(pk=identifier(key)).first()
    if found is None:
        raise RefundRunNotFound("There is no such refund run.")
    return found


def transaction(person: User, key: str | UUID) -> Transaction:
    """
    Find a payment.

    :raises TransactionNotFound: if there is none, or it is somebody else's
    """
    found = transactions(person).filter(pk=identifier(key)).first()
    if found is None:
        raise TransactionNotFound("There is no such transaction.")
    return found


def escrow_account(person: User, key: str | UUID) -> EscrowAccount:
    """
    Find an escrow account.

    :raises EscrowAccountNotFound: if there is none, or it is not theirs to see
    """
    found = escrow_accounts(person).filter(pk=identifier(key)).first()
    if found is None:
        raise EscrowAccountNotFound("There is no such escrow account.")
    return found


def offering(person: User, key: str | UUID) -> Offering:
    """
    Find an offering.

    :raises OfferingNotFound: if there is none, or it is not theirs to see
    """
    found = offerings(person).filter(pk=identifier(key)).first()
    if found is None:
        raise OfferingNotFound("There is no such offering.")
    return found


def distribution(person: User, key: str | UUID) -> Distribution:
    """
    Find a distribution.

    :raises DistributionNotFound: if there is none, or it is not theirs to see
    """
    found = distributions(person).filter(pk=identifier(key)).first()
    if found is None:
        raise DistributionNotFound("There is no such distribution.")
    return found


def previewable(person: User, key: str | UUID) -> Distribution:
    """
    Find a distribution whose numbers a person may see before they are final: staff only.

    :raises DistributionNotFound: if there is none, or it is not theirs to see
    :raises NotPermitted: if only the final numbers are theirs to see
    """
    found = distribution(person, key)
    if not is_viewer(person, distribution_queries.VIEW):
        raise NotPermitted("Only staff see a distribution's working; your own share is among its allocations.")
    return found


def identifier(key: str | UUID) -> UUID:
    """Return the id that an address holds, or the nil UUID, which no row has, if it holds none."""
    if isinstance(key, UUID):
        return key
    try:
        return UUID(key)
    except ValueError:
        return UUID(int=0)
