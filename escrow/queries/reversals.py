"""Which journal entries may be reversed, why others may not, and what became of those that were asked for."""

from django.db.models import QuerySet

from escrow.models import BankMatchEntry, JournalEntry, JournalReversal

Event = JournalEntry.Event

REVERSIBLE = frozenset({"UNKNOWN_RECEIPT", "RECEIPT_CLAIMED", "BANK_FEE"})
"""Events that nothing but the ledger remembers. The database has the same list (ledger_reversal_is_approved)."""

_TIMES_AT_MOST = 100
"""How often one thing is booked and reversed again; far more than anybody does."""

_INSTEAD = {
    Event.RELEASE: "Money released by a closing goes back to investors as a distribution, a return of capital.",
    Event.HOLD: "Release the hold on the escrow account's page.",
    Event.HOLD_RELEASED: "Place a new hold on the escrow account's page.",
    Event.RESERVE: "Cancel the payment whose money is reserved.",
    Event.UNRESERVE: "Ask for a new payment.",
    Event.REVERSAL: "A reversal is not reversed; book what happened anew.",
}


def obstacle(entry: JournalEntry) -> str:
    """
    Say why a journal entry cannot be reversed now and what to do instead; empty if nothing stands against it.

    At most four queries; the operations ask it again under the account's lock.
    """
    by_nature = _obstacle_by_nature(entry)
    if by_nature:
        return by_nature
    living = of_entry(entry).exclude(status=JournalReversal.Status.REJECTED).first()
    if living is not None:
        if living.status == JournalReversal.Status.EXECUTED:
            return "It was reversed before."
        return "Its reversal is proposed already and waits for another person."
    return later_obstacle(entry)


def later_obstacle(entry: JournalEntry) -> str:
    """Say what may have come up against a reversal since it was proposed; empty if nothing has. Two queries."""
    if is_matched(entry):
        return "It is matched with a line of the bank. Undo the match on the reconciliation page first."
    claim = living_claim(entry)
    if claim is not None:
        return f"The receipt was given to its owner by {claim.reference}. Reverse that first."
    return ""


def _obstacle_by_nature(entry: JournalEntry) -> str:
    if entry.transaction_id is not None:
        return (
            "It belongs to a payment. Cancel, fail or return the payment on its own page; what undoes the entry is "
            "posted with that."
        )
    if entry.distribution_id is not None:
        return "It belongs to a distribution. Cancel the distribution, or its payments."
    if entry.event not in REVERSIBLE:
        words = _INSTEAD.get(Event(entry.event), "Use the operation that undoes it.")
        return f"“{entry.get_event_display()}” is not undone by a reversal. {words}"
    return ""


def is_matched(entry: JournalEntry) -> bool:
    """Whether a line of the bank is matched with the entry now."""
    return BankMatchEntry.objects.filter(entry__journal_entry=entry, is_living=True).exists()


def living_claim(entry: JournalEntry) -> JournalEntry | None:
    """Return the journal entry that gave an unknown receipt to its owner, if it was not reversed."""
    if entry.event != Event.UNKNOWN_RECEIPT:
        return None
    claims = JournalEntry.objects.filter(
        escrow_account_id=entry.escrow_account_id,
        event=Event.RECEIPT_CLAIMED,
        reference__startswith=f"{entry.reference.partition(':again-')[0]}:claim",
        reversed_by__isnull=True,
    )
    return claims.first()


def unused_reference(reference: str) -> str:
    """
    Return the reference under which something is booked, though an earlier booking of it may have been reversed.

    As long as nothing was reversed it is the reference itself, so that booking twice books once. After
    each reversal it has the next number behind it: a reference is used up for ever. One query.
    """
    numbered = [reference, *(f"{reference}:again-{number}" for number in range(1, _TIMES_AT_MOST))]
    reversed_before = JournalEntry.objects.filter(reference__in=numbered, reversed_by__isnull=False).count()
    return f"{reference}:again-{reversed_before}" if reversed_before else reference


def of_entry(entry: JournalEntry) -> QuerySet[JournalReversal]:
    """Return the reversals asked for of an entry, newest first."""
    return JournalReversal.objects.filter(journal_entry=entry).select_related(
        "proposed_by", "approved_by", "rejected_by"
    )


def awaiting_approval() -> QuerySet[JournalReversal]:
    """Return the reversals that wait for a second person, oldest first."""
    return (
        JournalReversal.objects.filter(status=JournalReversal.Status.PROPOSED)
        .select_related("journal_entry__escrow_account", "proposed_by")
        .order_by("proposed_at")
    )
