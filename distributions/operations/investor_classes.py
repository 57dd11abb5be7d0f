"""Classes of investors: which investment belongs to which class of an offering's terms."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from distributions.models import DistributionAllocation
from distributions.operations.terms import ReasonMissing
from distributions.queries.histories import COUNTED
from escrow.models import EscrowAccount, Investment
from realco import audit, permissions
from realco.errors import IllegalTransition, NotFound, Refusal
from realco.models import Offering, User

LONGEST_NAME = 60


class UnknownInvestment(NotFound):
    """There is no such investment in the offering."""


class ClassIsSettled(IllegalTransition):
    """Money was distributed on the investment, so its class stays."""


class NameTooLong(Refusal):
    """A class cannot have so long a name."""


def assign(offering: Offering, *, classes: Mapping[UUID, str], reason: str, by: User, at: datetime) -> int:
    """
    Put investments into classes, by their ids; return how many changed.

    A distribution whose numbers wait for signatures is void by it, since they follow from it.

    :raises NotPermitted: if the person may not draft terms
    :raises ReasonMissing: without a reason
    :raises NameTooLong: if a class has a name of more than sixty letters
    :raises UnknownInvestment: if an investment is not one of the offering's
    :raises ClassIsSettled: if money was distributed on one that would change
    """
    permissions.require(by, permissions.DRAFT_TERMS)
    if not reason.strip():
        raise ReasonMissing("Say why; the reason is kept in the audit trail.")
    wanted = {key: name.strip() for key, name in classes.items()}
    if any(len(name) > LONGEST_NAME for name in wanted.values()):
        raise NameTooLong(f"The name of a class can have {LONGEST_NAME} letters at most.")
    with audit.acting("investment.assign_class", by=by, reason=reason), transaction.atomic():
        # A distribution is signed under the lock of its account: with the classes before, or with these.
        EscrowAccount.objects.select_for_update(no_key=True).filter(offering=offering).first()
        held = Investment.objects.select_for_update(no_key=True, of=("self",)).filter(offering=offering, pk__in=wanted)
        held = held.annotate(is_paid=Exists(_distributed()))
        rows = list(held.select_related("investor").order_by("pk"))
        if len(rows) < len(wanted):
            raise UnknownInvestment("One of these is not an investment of this offering.")
        changed = [row for row in rows if row.class_name != wanted[row.pk]]
        for row in changed:
            if row.is_paid or row.returned_capital or row.preferred_return_paid or row.profits_paid:
                raise ClassIsSettled(f"Money was distributed to {row.investor} already, who stays in the class.")
            row.class_name, row.updated_at = wanted[row.pk], at
        Investment.objects.bulk_update(changed, ["class_name", "updated_at"], batch_size=500)
    return len(changed)


def _distributed() -> QuerySet[DistributionAllocation]:
    rows = DistributionAllocation.objects.filter(investment=OuterRef("pk"), distribution__status__in=COUNTED)
    return rows.exclude(status=DistributionAllocation.Status.CANCELLED)
