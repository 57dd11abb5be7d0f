"""
What RealCo should do, in plain dictionaries and whole cents: the other side of the state machine's comparison.

Every method says whether the step is allowed, and if so does it. Nothing here knows the database; the rules are those
of SYSTEM section 4, written down a second time.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

LIVE = {"INITIATED", "PENDING_APPROVAL", "APPROVED", "QUEUED", "ON_HOLD", "PROCESSING", "PENDING_SETTLEMENT", "SETTLED"}
LIVE |= {"PENDING_RETRY"}
CANCELLABLE = {"INITIATED", "PENDING_APPROVAL", "APPROVED", "QUEUED", "ON_HOLD", "FAILED", "PENDING_RETRY"}
COUNTS_AS_PAID = LIVE | {"COMPLETED"}
MINIMUM, MAXIMUM = 100_000, 500_000_000
ASSETS = ("BANK", "CLEARING", "RECEIVABLE")
NEVER_NEGATIVE = ("BANK", "INVESTOR", "OFFERING", "PAYOUTS", "HELD")

Account = tuple[int, str, int | None]


@dataclass
class Payment:
    """A payment as the model sees it; ``investor`` is its party, or nobody for the sponsor's draw."""

    escrow: int
    investor: int | None
    type: str
    amount: int
    fee: int = 0
    status: str = "QUEUED"
    reserved: bool = False
    clears_on: date | None = None
    held_from: str = "QUEUED"

    @property
    def is_inbound(self) -> bool:
        return self.type == "DEPOSIT"

    @property
    def net(self) -> int:
        return self.amount - self.fee

    @property
    def source(self) -> Account:
        if self.type == "CONSTRUCTION_DRAW":
            return (self.escrow, "OFFERING", None)
        return (self.escrow, "INVESTOR", self.investor)


@dataclass
class Receipt:
    escrow: int
    amount: int
    claimed_by: int | None = None
    is_reversed: bool = False
    claim_is_reversed: bool = False
    settled: int = 0


@dataclass
class Hold:
    escrow: int
    investor: int
    amount: int
    is_over: bool = False


@dataclass
class Model:
    """Escrow accounts by number, investors by number."""

    escrows: int
    balances: dict[Account, int] = field(default_factory=lambda: defaultdict(int))
    status: dict[int, str] = field(default_factory=lambda: defaultdict(lambda: "ACTIVE"))
    frozen_from: dict[int, str] = field(default_factory=dict)
    has_closed_raise: set[int] = field(default_factory=set)
    committed: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    funded: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    payments: list[Payment] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def move(self, debit: Account, credit: Account, amount: int) -> bool:
        """Debit one account and credit another, unless one that may not would fall below zero."""
        return self.post((debit, amount), (credit, -amount))

    def post(self, *lines: tuple[Account, int]) -> bool:
        """Post lines (debit positive), all or none."""
        after = dict.fromkeys((account for account, _ in lines), 0)
        for account, amount in lines:
            after[account] += amount if account[1] in ASSETS else -amount
        if any(self.balances[a] + change < 0 for a, change in after.items() if a[1] in NEVER_NEGATIVE and change):
            return False
        for account, change in after.items():
            self.balances[account] += change
        return True

    def is_active(self, escrow: int) -> bool:
        return self.status[escrow] == "ACTIVE"

    # ---- money in -------------------------------------------------------------------------------------------

    def deposit(self, payment: Payment) -> bool:
        """An investor asks to pay in, and commits what goes beyond the commitment so far."""
        if not self.is_active(payment.escrow):
            return False
        assert payment.investor is not None
        where = (payment.escrow, payment.investor)
        paid = sum(
            p.amount
            for p in self.payments
            if (p.escrow, p.investor, p.type) == (*where, "DEPOSIT") and p.status in COUNTS_AS_PAID
        )
        self.committed[where] += max(0, paid + payment.amount - self.committed[where])
        payment.fee = max(100, min(5000, (payment.amount + 100) // 200)) + 80
        self.payments.append(payment)
        return True

    def process(self, payment: Payment) -> bool:
        """A worker sends a queued payment; what may not go waits or is held."""
        escrow = payment.escrow
        if payment.status != "QUEUED" or (not payment.is_inbound and self.status[escrow] == "FROZEN"):
            return True
        may_leave = payment.type == "REFUND"
        if self.status[escrow] in ("LIQUIDATING", "CLOSED") and not may_leave:
            payment.held_from, payment.status = "QUEUED", "ON_HOLD"
            return True
        payment.status = "PENDING_SETTLEMENT"
        if payment.is_inbound:
            self.move((escrow, "CLEARING", None), (escrow, "UNCLEARED", payment.investor), payment.amount)
        return True

    def settle(self, payment: Payment) -> bool:
        escrow, bank = payment.escrow, (payment.escrow, "BANK", None)
        if payment.status != "PENDING_SETTLEMENT":
            return True
        if payment.is_inbound:
            self.move(bank, (escrow, "CLEARING", None), payment.amount)
        elif self.status[escrow] == "FROZEN" or not self.move((escrow, "PAYOUTS", None), bank, payment.net):
            return False
        payment.status, payment.reserved = "SETTLED", False
        return True

    def fail(self, payment: Payment) -> bool:
        """The bank could not carry it out, and it may not be tried again."""
        escrow = payment.escrow
        if payment.status != "PENDING_SETTLEMENT":
            return True
        if payment.is_inbound:
            self.move((escrow, "UNCLEARED", payment.investor), (escrow, "CLEARING", None), payment.amount)
        self._unreserve(payment)
        payment.status = "FAILED"
        return True

    def clear(self, payment: Payment, today: date) -> bool:
        """Return whether it is complete now; the operation answers the same and refuses nothing."""
        if payment.status != "SETTLED" or payment.clears_on is None or payment.clears_on > today:
            return payment.status == "COMPLETED"
        if payment.is_inbound:
            escrow, who = payment.escrow, payment.investor
            settled = min(self.balances[escrow, "RECEIVABLE", who], payment.net)
            self.post(
                ((escrow, "UNCLEARED", who), payment.amount),
                ((escrow, "FEES", None), -payment.fee),
                ((escrow, "RECEIVABLE", who), -settled),
                ((escrow, "INVESTOR", who), settled - payment.net),
            )
        payment.status = "COMPLETED"
        return True

    def give_back(self, payment: Payment) -> bool:
        """A bank sends settled money back, before or after it has cleared."""
        escrow, who, bank = payment.escrow, payment.investor, (payment.escrow, "BANK", None)
        if payment.status in ("REVERSED", "FAILED"):
            return True
        if payment.status not in ("SETTLED", "COMPLETED") or self.status[escrow] == "CLOSED":
            return False
        if not payment.is_inbound:
            is_done = self.move(bank, payment.source, payment.net)
        elif payment.status == "SETTLED":
            is_done = self.move((escrow, "UNCLEARED", who), bank, payment.amount)
        else:
            there = min(self.balances[escrow, "INVESTOR", who], payment.net)
            is_done = self.post(
                ((escrow, "INVESTOR", who), there),
                ((escrow, "FEES", None), payment.fee),
                ((escrow, "RECEIVABLE", who), payment.net - there),
                (bank, -payment.amount),
            )
        if is_done:
            payment.status = "REVERSED"
        return is_done

    # ---- money out ------------------------------------------------------------------------------------------

    def ask(self, payment: Payment) -> bool:
        """Somebody asks for a payment out: investors' own money is reserved at once, a draw waits for approval."""
        allowed = ("ACTIVE", "LIQUIDATING") if payment.type == "REFUND" else ("ACTIVE",)
        if self.status[payment.escrow] not in allowed:
            return False
        if payment.type == "CONSTRUCTION_DRAW":
            if payment.escrow not in self.has_closed_raise:
                return False
            payment.status = "PENDING_APPROVAL"
        elif not self._reserve(payment):
            return False
        self.payments.append(payment)
        return True

    def approve(self, payment: Payment) -> bool:
        if payment.status != "PENDING_APPROVAL" or not self.is_active(payment.escrow):
            return False
        if not self._reserve(payment):
            return False
        payment.status = "QUEUED"
        return True

    def stop(self, payment: Payment) -> bool:
        """Staff put a payment on hold."""
        if payment.status not in ("PENDING_APPROVAL", "QUEUED"):
            return False
        payment.held_from, payment.status = payment.status, "ON_HOLD"
        return True

    def go_on(self, payment: Payment) -> bool:
        """Staff release a payment from its hold."""
        if payment.status != "ON_HOLD":
            return False
        payment.status = payment.held_from
        return True

    def cancel(self, payment: Payment) -> bool:
        if payment.status not in CANCELLABLE:
            return False
        self._unreserve(payment)
        payment.status = "CANCELLED"
        return True

    def _reserve(self, payment: Payment) -> bool:
        payment.reserved = self.move(payment.source, (payment.escrow, "PAYOUTS", None), payment.net)
        return payment.reserved

    def _unreserve(self, payment: Payment) -> None:
        if payment.reserved:
            self.move((payment.escrow, "PAYOUTS", None), payment.source, payment.net)
            payment.reserved = False

    # ---- money inside ---------------------------------------------------------------------------------------

    def hold(self, hold: Hold) -> bool:
        where = (hold.escrow, "INVESTOR", hold.investor), (hold.escrow, "HELD", hold.investor)
        if self.status[hold.escrow] == "CLOSED" or not self.move(*where, hold.amount):
            return False
        self.holds.append(hold)
        return True

    def end_hold(self, hold: Hold) -> bool:
        hold.is_over = True
        return self.move((hold.escrow, "HELD", hold.investor), (hold.escrow, "INVESTOR", hold.investor), hold.amount)

    def receive(self, receipt: Receipt) -> bool:
        self.receipts.append(receipt)
        return self.move((receipt.escrow, "BANK", None), (receipt.escrow, "SUSPENSE", None), receipt.amount)

    def claim(self, receipt: Receipt, investor: int) -> bool:
        """Nothing is claimed twice, and nothing of what was booked by mistake; after a wrong claim, a right one."""
        is_taken = receipt.claimed_by is not None and not receipt.claim_is_reversed
        if is_taken or receipt.is_reversed or self.status[receipt.escrow] == "CLOSED":
            return False
        receipt.claimed_by, receipt.claim_is_reversed = investor, False
        receipt.settled = min(self.balances[receipt.escrow, "RECEIVABLE", investor], receipt.amount)
        return self.post(*self._claimed(receipt, 1))

    def reverse_receipt(self, receipt: Receipt) -> bool:
        """Money would leave the bank account in the books, so a frozen one does not allow it; nor may it be claimed."""
        if receipt.claimed_by is not None and not receipt.claim_is_reversed:
            return False
        bank, suspense = (receipt.escrow, "BANK", None), (receipt.escrow, "SUSPENSE", None)
        is_shut = self.status[receipt.escrow] in ("CLOSED", "FROZEN")
        if is_shut or not self.move(suspense, bank, receipt.amount):
            return False
        receipt.is_reversed = True
        return True

    def reverse_claim(self, receipt: Receipt) -> bool:
        if self.status[receipt.escrow] == "CLOSED" or not self.post(*self._claimed(receipt, -1)):
            return False
        receipt.claim_is_reversed = True
        return True

    def _claimed(self, receipt: Receipt, sign: int) -> list[tuple[Account, int]]:
        """What an investor owes is settled first, out of what is theirs."""
        escrow, who = receipt.escrow, receipt.claimed_by
        return [
            ((escrow, "SUSPENSE", None), sign * receipt.amount),
            ((escrow, "RECEIVABLE", who), -sign * receipt.settled),
            ((escrow, "INVESTOR", who), sign * (receipt.settled - receipt.amount)),
        ]

    # ---- the account itself ---------------------------------------------------------------------------------

    def release_raise(self, escrow: int) -> bool:
        """A closing releases what has cleared, as far as it was committed."""
        figures = {
            who: min(self.balances[escrow, "INVESTOR", who], self.committed[escrow, who] - self.funded[escrow, who])
            for (place, who) in list(self.committed)
            if place == escrow
        }
        figures = {who: amount for who, amount in figures.items() if amount > 0}
        total = sum(figures.values()) + sum(amount for (place, _), amount in self.funded.items() if place == escrow)
        if not self.is_active(escrow) or not figures or not MINIMUM <= total <= MAXIMUM:
            return False
        for who, amount in figures.items():
            self.move((escrow, "INVESTOR", who), (escrow, "OFFERING", None), amount)
            self.funded[escrow, who] += amount
        self.has_closed_raise.add(escrow)
        return True

    def freeze(self, escrow: int) -> bool:
        if self.status[escrow] not in ("ACTIVE", "LIQUIDATING"):
            return False
        self.frozen_from[escrow], self.status[escrow] = self.status[escrow], "FROZEN"
        return True

    def unfreeze(self, escrow: int) -> bool:
        if self.status[escrow] != "FROZEN":
            return False
        self.status[escrow] = self.frozen_from.pop(escrow)
        return True

    def liquidate(self, escrow: int) -> bool:
        if not self.is_active(escrow):
            return False
        self.status[escrow] = "LIQUIDATING"
        return True

    def close(self, escrow: int) -> bool:
        """Only an empty account with nothing under way."""
        if self.status[escrow] not in ("ACTIVE", "LIQUIDATING"):
            return False
        if any(balance for (place, _, _), balance in self.balances.items() if place == escrow):
            return False
        if any(p.escrow == escrow and p.status in LIVE for p in self.payments):
            return False
        self.status[escrow] = "CLOSED"
        return True
