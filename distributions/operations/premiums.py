"""
Premiums of a late closing, paid on to those to whom they are owed, by a distribution of their own.

It is drawn up here with all that has arrived of one late closing; signing, paying, retrying, writing off and
cancelling it is what it is for every distribution (distributions.py, payouts.py).
"""

import hashlib
import json
from datetime import datetime

from django.db import IntegrityError, transaction

from distributions.models import CapitalCall, Distribution, PremiumPaidOn
from distributions.operations import distributions, drafts
from distributions.queries import premiums as queries
from distributions.queries.premiums import NothingToPayOn
from escrow.operations import escrow_accounts
from realco import audit, permissions
from realco.business_days import banking_date
from realco.errors import Duplicate
from realco.models import User


class AlreadyPaidOn(Duplicate):
    """Another distribution pays one of these premiums on."""


def draw_up(call: CapitalCall, *, creator: User, idempotency_key: str, at: datetime) -> Distribution:
    """
    Draw up and work out the distribution that pays on what has arrived of a late closing's premiums.

    Each of them is paid on whole, and once; cancelling the distribution frees them for another. The same key
    returns the same distribution.

    :raises NotPermitted: if the person may not create distributions
    :raises NothingToPayOn: if nothing has arrived that was not paid on, with what it waits for
    :raises OfferingNotDistributing: if the offering is not funded, operating or exited
    :raises InsufficientFunds: if the offering holds less, after what is promised otherwise
    :raises AlreadyPaidOn: if somebody else drew it up meanwhile
    :raises IdempotencyKeyReused: if the key was used for another distribution
    """
    permissions.require(creator, permissions.CREATE_DISTRIBUTION)
    drafts.require_key(idempotency_key)
    key = f"{creator.pk}:{idempotency_key.strip()}"
    request_hash = hashlib.sha256(json.dumps(["premiums", str(call.pk)]).encode()).hexdigest()
    words = f"Late-closing interest of {call}"
    with audit.acting("distribution.pay_premiums_on", by=creator, reason=words), transaction.atomic():
        earlier = drafts.find_earlier(key, request_hash)
        if earlier is not None:
            return earlier
        today = banking_date(at)
        account = drafts.require_distributing(call.offering, today, at=at)
        escrow_accounts.lock(account.pk)
        found = queries.payable(call)
        if not found.items:
            raise NothingToPayOn(why_not(call, found))
        distribution = Distribution.objects.create(
            offering_id=call.offering_id,
            escrow_account=account,
            distribution_number=drafts.next_number(today.year),
            type=Distribution.Type.SPECIAL,
            nature=Distribution.Nature.PREMIUM,
            total_amount=found.total,
            net_amount=found.total,
            as_of_date=today,
            description=words,
            created_by=creator,
            idempotency_key=key,
            request_hash=request_hash,
            created_at=at,
        )
        _take(distribution, found, at=at)
        drafts.require_available(account.pk, found.total, excluding=distribution.pk)
        return distributions.calculate(distribution, by=creator, at=at)


def why_not(call: CapitalCall, found: queries.Payable) -> str:
    """Say what the premiums of a late closing wait for."""
    if not found.others:
        return f"{call} has no premiums."
    reasons = sorted({why for _, why in found.others})
    return f"No premium of {call} can be paid on now. {' '.join(reasons)}"


def _take(distribution: Distribution, found: queries.Payable, *, at: datetime) -> None:
    rows = [
        PremiumPaidOn(distribution=distribution, item=item, amount=item.premium_amount, created_at=at)
        for item in found.items
    ]
    try:
        with transaction.atomic():
            PremiumPaidOn.objects.bulk_create(rows)
    except IntegrityError as error:
        raise AlreadyPaidOn("Another distribution pays one of these premiums on. Reload the page.") from error
