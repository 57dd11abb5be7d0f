"""
What a person may see: staff with the permission to view everything, anybody else what is theirs.

Every endpoint starts from one of these, so that what is somebody else's is not found, exactly as if
it did not exist.
"""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.queries import distributions as distribution_queries
from escrow.models import EscrowAccount, EscrowLedgerEntry, Investment, LedgerAccount
from escrow.queries import investor_offerings
from finance.models import RefundItem, RefundRun, Transaction
from finance.queries import refund_runs as refund_queries
from realco.api.errors import (
    DistributionNotFound,
    EscrowAccountNotFound,
    OfferingNotFound,
    RefundRunNotFound,
    TermsNotFound,
    TransactionNotFound,
)
from realco.errors import NotPermitted
from realco.models import Offering, User


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
    return distribution_queries.allocations_visible_to(person).filter(distribution=distribution)


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
