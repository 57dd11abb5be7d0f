"""The release gate: money leaves investors only inside its window, for people we may deal with, as it was signed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from compliance import names
from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile, SanctionedParty, SanctionsImport
from compliance.operations import checks, profiles
from compliance.queries import standing
from escrow import books
from escrow.models import Closing, EarlyClosingNotice, Investment, JournalEntry, LedgerAccount
from escrow.operations import early_closings, investments
from escrow.operations.closings import (
    CancellationWindowOpen,
    FiguresChanged,
    InvestorNotEligible,
    MinimumNotReached,
    NothingToRelease,
    RaiseIsOver,
)
from escrow.operations.early_closings import (
    AfterTheDeadline,
    AlreadyAnnounced,
    AlreadyWithdrawn,
    MomentHasCome,
    NoEarlyClosing,
    NoticeTooShort,
    TargetNotReached,
)
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.investments import CancellationWindowOver
from escrow.queries import investor_offerings, release_gate
from escrow.queries.balances import balance
from realco.errors import NotPermitted
from realco.models import Offering, User
from tests import factories
from tests.escrow.money import arrive
from tests.escrow.raises import MINUTE, Raise, open_raise
from tests.stages import staged

Kind = LedgerAccount.Kind
D = Decimal
CLOSES = timedelta(days=30)


@staged
def cf(operator: User, approver: User, second_approver: User, at: datetime) -> Raise:
    return open_raise(operator, approver, second_approver, at=at)


class TestTheWindow:
    def test_opens_48_hours_before_the_deadline_and_not_a_minute_sooner(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        with pytest.raises(CancellationWindowOpen, match="48 hours before the deadline"):
            cf.propose(at=cf.last_hours - MINUTE)
        assert cf.close(at=cf.last_hours).status == "EXECUTED"

    def test_ends_with_the_deadline(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        last = cf.offering.deadline_at - MINUTE
        signed = cf.sign(cf.propose(at=last), cf.approver, at=last)
        with pytest.raises(RaiseIsOver):
            cf.sign(signed, cf.second_approver, at=cf.offering.deadline_at)
        assert balance(cf.escrow.pk, Kind.OFFERING) == 0
        assert cf.sign(signed, cf.second_approver, at=last).status == "EXECUTED"

    def test_takes_the_minimum_from_what_has_cleared_and_not_merely_settled(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "1500", "999.99")
        with pytest.raises(MinimumNotReached):
            cf.propose(at=cf.last_hours)
        arrive(cf.escrow, ann, "0.01", reference="SBX-cent", at=cf.opened_at)
        assert cf.close(at=cf.last_hours).total_amount == D("1000.00")

    def test_lets_a_second_closing_take_what_cleared_since(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "2000", "1000")
        cf.close(at=cf.last_hours)
        arrive(cf.escrow, ann, "10", reference="SBX-more", at=cf.last_hours)
        assert cf.close(at=cf.last_hours + MINUTE).figures == {str(ann.pk): "10.00"}
        assert Investment.objects.get().funded_amount == D("1010.00")
        assert books.check() == []


class TestCancelling:
    def test_is_possible_until_48_hours_before_the_deadline(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "1000", "1000")
        investment = Investment.objects.get(investor=ann)
        for by in (ann, cf.operator):
            with pytest.raises(CancellationWindowOver, match="48 hours before it is closed over") as caught:
                investments.cancel(investment, by=by, reason="no", at=cf.last_hours)
            assert caught.value.details["ended_at"] == cf.last_hours.isoformat()
        assert investments.cancel(investment, by=ann, reason="no", at=cf.last_hours - MINUTE).status == "CANCELLED"

    def test_ends_before_an_announced_early_closing_for_what_it_takes(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "1000", "1000")
        cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        late = cf.invest("Late", "500", "500", at=cf.opened_at + CLOSES + MINUTE)
        end = cf.opened_at + CLOSES - timedelta(hours=48)
        with pytest.raises(CancellationWindowOver):
            investments.cancel(Investment.objects.get(investor=ann), by=ann, reason="no", at=end)
        cancelled = investments.cancel(
            Investment.objects.get(investor=late), by=late, reason="no", at=cf.last_hours - MINUTE
        )
        assert cancelled.status == "CANCELLED"

    def test_is_possible_under_regulation_d_until_the_release(
        self, operator: User, approver: User, second_approver: User, at: datetime
    ) -> None:
        deal = open_raise(operator, approver, second_approver, at=at, exemption=Offering.Exemption.REG_D_506C)
        ann = deal.invest("Ann", "1000", "1000")
        late = deal.offering.deadline_at - MINUTE
        assert investments.cancel(Investment.objects.get(), by=ann, reason="no", at=late).status == "CANCELLED"

    def test_voids_a_proposal(self, operator: User, approver: User, second_approver: User, at: datetime) -> None:
        deal = open_raise(operator, approver, second_approver, at=at, exemption=Offering.Exemption.REG_D_506C)
        deal.invest("Ann", "1000", "1000")
        ben = deal.invest("Ben", "500", "500")
        closing = deal.sign(deal.propose(at=at), deal.approver, at=at)
        investments.cancel(Investment.objects.get(investor=ben), by=ben, reason="no", at=at)
        with pytest.raises(FiguresChanged, match="Ben"):
            deal.sign(closing, deal.second_approver, at=at)


class TestEarlyClosings:
    def test_release_from_the_announced_moment_on_what_was_committed_by_then(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "1000", "1000")
        closes_at = cf.opened_at + CLOSES
        cf.announce(closes_at=closes_at, at=cf.opened_at)
        cf.commit(ann, "300", at=closes_at + MINUTE)
        cf.invest("Late", "500", "500", at=closes_at + MINUTE)
        arrive(cf.escrow, ann, "300", reference="SBX-more", at=closes_at + MINUTE)
        with pytest.raises(CancellationWindowOpen):
            cf.propose(at=closes_at - MINUTE)

        done = cf.close(at=closes_at + 2 * MINUTE)

        assert done.figures == {str(ann.pk): "1000.00"}
        assert cf.close(at=cf.last_hours).total_amount == D("800.00")

    def test_a_later_commitment_needs_a_notice_of_its_own(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        first, second = cf.opened_at + CLOSES, cf.opened_at + 2 * CLOSES
        cf.announce(closes_at=first, at=cf.opened_at)
        cf.close(at=first)
        cf.invest("Late", "500", "500", at=first + MINUTE)
        with pytest.raises(NothingToRelease):
            cf.propose(at=second)
        cf.announce(closes_at=second, at=first + MINUTE)
        assert cf.close(at=second).total_amount == D("500.00")

    def test_are_announced_five_business_days_ahead_after_21_days(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        with pytest.raises(NoticeTooShort, match="24 March 2026, 17:00"):
            cf.announce(closes_at=cf.opened_at + timedelta(days=21) - MINUTE, at=cf.opened_at)
        friday = datetime(2026, 4, 24, 14, 0, tzinfo=UTC)
        with pytest.raises(NoticeTooShort, match="01 May 2026, 14:00"):
            cf.announce(closes_at=friday + timedelta(days=7) - MINUTE, at=friday)
        assert cf.announce(closes_at=friday + timedelta(days=7), at=friday).given_by == cf.operator

    def test_are_before_the_deadline_and_announced_once(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        with pytest.raises(AfterTheDeadline):
            cf.announce(closes_at=cf.offering.deadline_at, at=cf.opened_at)
        cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        with pytest.raises(AlreadyAnnounced):
            cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)

    def test_need_the_minimum_committed_and_regulation_cf(
        self, cf: Raise, operator: User, approver: User, second_approver: User, at: datetime
    ) -> None:
        with pytest.raises(TargetNotReached):
            cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        deal = open_raise(operator, approver, second_approver, at=at, exemption=Offering.Exemption.REG_D_506C)
        with pytest.raises(NoEarlyClosing):
            deal.announce(closes_at=at + CLOSES, at=at)
        with pytest.raises(NotPermitted):
            early_closings.announce(cf.escrow, closes_at=at + CLOSES, by=approver, at=at)

    @pytest.mark.parametrize(
        ("notice", "closes"),
        [
            (timedelta(0), timedelta(days=21) - MINUTE),
            (timedelta(days=30), timedelta(days=34)),
            (timedelta(days=30), timedelta(days=90)),
            (timedelta(days=-1), timedelta(days=30)),
        ],
        ids=["open too briefly", "announced too late", "at the deadline", "before the opening"],
    )
    def test_the_database_refuses_a_notice_that_breaks_the_rule(
        self, cf: Raise, notice: timedelta, closes: timedelta
    ) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            EarlyClosingNotice.objects.create(
                escrow_account=cf.escrow,
                notice_at=cf.opened_at + notice,
                closes_at=cf.opened_at + closes,
                given_by=cf.operator,
            )


class TestWithdrawnNotices:
    def test_count_for_nothing(self, cf: Raise) -> None:
        ann = cf.invest("Ann", "1000", "1000")
        closes_at = cf.opened_at + CLOSES
        notice = cf.announce(closes_at=closes_at, at=cf.opened_at)
        investment = Investment.objects.get(investor=ann)
        assert investor_offerings.cancellable_until(investment, cf.offering) == closes_at - timedelta(hours=48)

        done = early_closings.withdraw(
            notice, reason="The buyer wants more time", by=cf.operator, at=cf.opened_at + MINUTE
        )

        assert (done.withdrawn_by, done.withdrawn_reason) == (cf.operator, "The buyer wants more time")
        assert investor_offerings.cancellable_until(investment, cf.offering) == cf.last_hours
        with pytest.raises(CancellationWindowOpen):
            cf.propose(at=closes_at + MINUTE)
        assert cf.close(at=cf.last_hours).total_amount == D("1000.00")

    def test_leave_other_notices_and_may_be_given_again(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        first, second = (cf.announce(closes_at=cf.opened_at + n * CLOSES, at=cf.opened_at) for n in (1, 2))
        for notice in (first, second):
            early_closings.withdraw(notice, reason="No", by=cf.operator, at=cf.opened_at + MINUTE)
        cf.announce(closes_at=second.closes_at, at=cf.opened_at + 2 * MINUTE)
        with pytest.raises(CancellationWindowOpen):
            cf.propose(at=first.closes_at)
        assert cf.close(at=second.closes_at).total_amount == D("1000.00")

    def test_are_withdrawn_once_in_time_with_a_reason_by_who_may(self, cf: Raise, approver: User) -> None:
        cf.invest("Ann", "1000", "1000")
        notice = cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        with pytest.raises(NotPermitted):
            early_closings.withdraw(notice, reason="No", by=approver, at=cf.opened_at)
        with pytest.raises(ReasonMissing):
            early_closings.withdraw(notice, reason=" ", by=cf.operator, at=cf.opened_at)
        with pytest.raises(MomentHasCome):
            early_closings.withdraw(notice, reason="No", by=cf.operator, at=notice.closes_at)
        early_closings.withdraw(notice, reason="No", by=cf.operator, at=notice.closes_at - MINUTE)
        with pytest.raises(AlreadyWithdrawn):
            early_closings.withdraw(notice, reason="No", by=cf.operator, at=cf.opened_at)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"withdrawn_at": CLOSES}, "has come"),
            ({"withdrawn_at": -MINUTE}, "withdrawn now"),
            ({"closes_at": CLOSES / 2}, "closes_at"),
        ],
        ids=["after its moment", "before it was given", "moved"],
    )
    def test_the_database_refuses_any_other_change(self, cf: Raise, change: dict[str, timedelta], words: str) -> None:
        cf.invest("Ann", "1000", "1000")
        notice = cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        values: dict[str, object] = {name: cf.opened_at + after for name, after in change.items()}
        if "withdrawn_at" in values:
            values |= {"withdrawn_by": cf.operator, "withdrawn_reason": "x"}
        with pytest.raises(DatabaseError, match=words), transaction.atomic():
            EarlyClosingNotice.objects.filter(pk=notice.pk).update(**values)

    def test_the_database_keeps_what_was_withdrawn(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        notice = cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        early_closings.withdraw(notice, reason="No", by=cf.operator, at=cf.opened_at + MINUTE)
        same = EarlyClosingNotice.objects.filter(pk=notice.pk)
        for attack in ({"withdrawn_at": None, "withdrawn_by": None, "withdrawn_reason": ""}, {"withdrawn_reason": "y"}):
            with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
                same.update(**attack)
        with pytest.raises(DatabaseError), transaction.atomic():
            same.delete()

    def test_the_database_withdraws_none_by_which_money_was_released(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        notice = cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        cf.close(at=notice.closes_at)
        before = notice.closes_at - MINUTE
        with pytest.raises(DatabaseError, match="has come"), transaction.atomic():
            EarlyClosingNotice.objects.filter(pk=notice.pk).update(
                withdrawn_at=before, withdrawn_by=cf.operator, withdrawn_reason="x"
            )


def expire_kyc(person: User, at: datetime) -> None:
    InvestorProfile.objects.filter(user=person).update(kyc_expires_at=at)


def fail_kyc(person: User, at: datetime) -> None:
    InvestorProfile.objects.filter(user=person).update(kyc_status=CheckStatus.MANUAL_REVIEW)


def restrict(person: User, at: datetime) -> None:
    profiles.restrict(InvestorProfile.objects.get(user=person), by=None, reason="R10", at=at)


def open_case(person: User, at: datetime) -> None:
    checks.open_case(person, check_type="AML", rule_version="test/1", summary="Looks odd", payment_id=None, at=at)


LAPSES: dict[str, tuple[Callable[[User, datetime], None], str]] = {
    "identity expired": (expire_kyc, "the identity check expired on"),
    "identity in doubt": (fail_kyc, "has not passed the identity check"),
    "restricted": (restrict, "is restricted"),
    "under review": (open_case, "is under review by compliance"),
}


class TestEligibility:
    @pytest.mark.parametrize(("lapse", "words"), LAPSES.values(), ids=LAPSES.keys())
    def test_leaves_out_and_names_who_may_not_be_dealt_with(
        self, cf: Raise, lapse: Callable[[User, datetime], None], words: str
    ) -> None:
        cf.invest("Ann", "1000", "1000")
        ben = cf.invest("Ben", "500", "500")
        lapse(ben, cf.opened_at)

        release = release_gate.release_of(cf.escrow, at=cf.last_hours, will_screen=True)
        closed = cf.close(at=cf.last_hours)

        assert [words in said[0] and said[0].startswith("Ben") for said in release.left_out.values()] == [True]
        assert (closed.total_amount, str(ben.pk) in closed.figures) == (D("1000.00"), False)
        assert balance(cf.escrow.pk, Kind.INVESTOR, ben.pk) == D("500.00")

    @pytest.mark.parametrize(("lapse", "words"), LAPSES.values(), ids=LAPSES.keys())
    def test_blocks_a_closing_whose_investor_lapses_before_it_is_executed(
        self, cf: Raise, lapse: Callable[[User, datetime], None], words: str
    ) -> None:
        cf.invest("Ann", "1000", "1000")
        ben = cf.invest("Ben", "500", "500")
        signed = cf.sign(cf.propose(at=cf.last_hours), cf.approver, at=cf.last_hours)
        lapse(ben, cf.opened_at)
        with pytest.raises(InvestorNotEligible, match=words):
            cf.sign(signed, cf.second_approver, at=cf.last_hours)
        assert not JournalEntry.objects.filter(event="RELEASE").exists()

    def test_says_whom_it_leaves_out_when_nobody_remains(self, cf: Raise) -> None:
        restrict(cf.invest("Ann", "1000", "1000"), cf.opened_at)
        with pytest.raises(NothingToRelease, match="Left out: Ann is restricted"):
            cf.propose(at=cf.last_hours)

    def test_leaves_out_who_has_no_profile(self, cf: Raise) -> None:
        stranger = factories.make_user("Stranger")
        cf.commit(stranger, "1000")
        arrive(cf.escrow, stranger, "1000", reference="SBX-s", at=cf.opened_at)
        with pytest.raises(NothingToRelease, match="Stranger has no investor profile"):
            cf.propose(at=cf.last_hours)


def load_list(name: str, at: datetime) -> SanctionedParty | None:
    """A sanctions list, loaded at a moment, with one party or none."""
    SanctionsImport.objects.create(
        list_name="OFAC_SDN", content_hash=f"{at:%s}".ljust(64, "0"), parties=1, names=1, added=1, changed=0, removed=0,
        imported_at=at,
    )  # fmt: skip
    if not name:
        return None
    party = SanctionedParty.objects.create(
        list_name="OFAC_SDN", entity_number="1", name=name, content_hash="1".ljust(64, "0"), listed_at=at
    )
    party.names.create(name=name, normalized=names.key(name), is_primary=True)
    return party


class TestScreening:
    def test_asks_the_lists_before_it_proposes_and_keeps_the_answers(self, cf: Raise) -> None:
        ann = cf.invest("Ann Able", "1000", "1000")
        assert [one.code for one in standing.obstacles([ann.pk], at=cf.last_hours)] == ["unscreened"]
        cf.propose(at=cf.last_hours)
        assert standing.obstacles([ann.pk], at=cf.last_hours) == []
        assert ComplianceCheck.objects.get(subject=ann).status == "PASSED"

    def test_asks_again_when_a_list_was_loaded_since(self, cf: Raise) -> None:
        ann = cf.invest("Ann Able", "1000", "1000")
        signed = cf.sign(cf.propose(at=cf.last_hours), cf.approver, at=cf.last_hours)
        load_list("", cf.last_hours + MINUTE)
        assert standing.unscreened([ann.pk], at=cf.last_hours + 2 * MINUTE) == [ann.pk]
        cf.sign(signed, cf.second_approver, at=cf.last_hours + 2 * MINUTE)
        assert ComplianceCheck.objects.filter(subject=ann, status="PASSED").count() == 2

    def test_asks_again_after_31_days(self, cf: Raise) -> None:
        ann = cf.invest("Ann Able", "1000", "1000")
        cf.propose(at=cf.last_hours)
        for days, stale in ((31, [ann.pk]), (30, [])):
            assert standing.unscreened([ann.pk], at=cf.last_hours + timedelta(days=days)) == stale

    def test_a_match_blocks_until_a_person_has_cleared_it(self, cf: Raise, compliance_officer: User) -> None:
        ann = cf.invest("Viktor Listed", "1000", "1000")
        load_list("Viktor Listed", cf.opened_at)
        with pytest.raises(NothingToRelease, match="Viktor Listed is under review"):
            cf.propose(at=cf.last_hours)
        waiting = ComplianceCheck.objects.get(subject=ann, status="MANUAL_REVIEW")
        checks.decide(waiting, reviewer=compliance_officer, decision="PASSED", note="Another man.", at=cf.last_hours)
        assert cf.close(at=cf.last_hours).status == "EXECUTED"

    def test_a_confirmed_match_stays_out(self, cf: Raise, compliance_officer: User) -> None:
        ann = cf.invest("Viktor Listed", "1000", "1000")
        load_list("Viktor Listed", cf.opened_at)
        with pytest.raises(NothingToRelease):
            cf.propose(at=cf.last_hours)
        waiting = ComplianceCheck.objects.get(subject=ann, status="MANUAL_REVIEW")
        checks.decide(waiting, reviewer=compliance_officer, decision="FAILED", note="It is him.", at=cf.last_hours)
        with pytest.raises(NothingToRelease, match="was found to be on a sanctions list"):
            cf.propose(at=cf.last_hours)

    def test_a_match_cleared_before_the_list_was_loaded_again_stays_cleared(
        self, cf: Raise, compliance_officer: User
    ) -> None:
        ann = cf.invest("Viktor Listed", "1000", "1000")
        load_list("Viktor Listed", cf.opened_at)
        with pytest.raises(NothingToRelease):
            cf.propose(at=cf.last_hours)
        waiting = ComplianceCheck.objects.get(subject=ann, status="MANUAL_REVIEW")
        checks.decide(waiting, reviewer=compliance_officer, decision="PASSED", note="Another man.", at=cf.last_hours)
        load_list("", cf.last_hours + MINUTE)
        assert cf.close(at=cf.last_hours + 2 * MINUTE).status == "EXECUTED"


class TestOneSourceOfTruth:
    def test_what_is_shown_is_what_the_database_refuses_with(self, cf: Raise) -> None:
        """The sentence on the page, in the refusal and in the database's own message is one and the same."""
        cf.invest("Ann", "1000", "1000")
        closing = cf.propose(at=cf.last_hours)
        early = cf.last_hours - MINUTE
        shown = {one.code: one.obstacle for one in release_gate.obstacles(closing, at=early)}
        assert {"window", "signatures", "moment"} <= shown.keys()
        with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE closings SET status = 'EXECUTED', approved_by_id = %s, executed_at = %s",
                [cf.approver.pk, early],
            )
        assert all(sentence in str(caught.value) for sentence in shown.values())

    def test_the_database_hashes_as_python_does(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        cf.invest("Ben", "500", "500.00")
        closing = cf.propose(at=cf.last_hours)
        with connection.cursor() as cursor:
            cursor.execute("SELECT escrow_closing_hash(escrow_account_id, figures) FROM closings")
            assert cursor.fetchone() == (closing.content_hash,)

    def test_windows_agree_with_the_database(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        cf.announce(closes_at=cf.opened_at + CLOSES, at=cf.opened_at)
        window = release_gate.window(cf.escrow)
        edges = (cf.opened_at, cf.opened_at + CLOSES, cf.last_hours, cf.offering.deadline_at)
        for moment in [edge + shift for edge in edges for shift in (-MINUTE, timedelta(0), MINUTE)]:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT nullif(escrow_release_cutoff(%s, %s), 'infinity'),"
                    " escrow_release_cutoff(%s, %s) IS NOT NULL",
                    [cf.offering.pk, moment, cf.offering.pk, moment],
                )
                [cutoff, is_open] = cursor.fetchone()
            reckoned = window.takes_commitments_until(moment)
            assert is_open == (reckoned is not None), moment
            assert cutoff is None or cutoff == reckoned, moment

    def test_above_the_maximum_is_refused_at_the_closing_too(self, cf: Raise) -> None:
        """A commitment above the maximum cannot exist; figures above it are refused all the same."""
        ann = cf.invest("Ann", "5000", "5000")
        found = release_gate.obstacles_to(cf.escrow.pk, {ann.pk: D("5000.01")}, at=cf.last_hours)
        assert {"maximum", "cleared"} <= {one.code for one in found}


class TestClosingRows:
    def test_keep_their_signatures(self, cf: Raise) -> None:
        cf.invest("Ann", "1000", "1000")
        closing = cf.close(at=cf.last_hours)
        signed = [(one.approver, one.content_hash) for one in closing.approvals.all()]
        assert signed == [(cf.approver, closing.content_hash), (cf.second_approver, closing.content_hash)]
        assert Closing.objects.get().approved_by == cf.second_approver
