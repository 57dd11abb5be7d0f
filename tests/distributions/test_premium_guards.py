"""Premiums that are paid on, attacked with raw SQL and by many at once: once each, and never to their payer."""

from decimal import Decimal
from functools import partial

import pytest

from distributions.models import Distribution, DistributionAllocation, PremiumPaidOn
from distributions.operations import distributions, premiums
from escrow import books
from realco.models import User
from tests.distributions.calls import item_of, make_called_deal, pay
from tests.distributions.deals import Deal, standing
from tests.distributions.premiums import (
    ADMITTED,
    LATER,
    admit,
    approve,
    arrived,
    called,
    draw_up,
    late_closing,
    premium_item,
)
from tests.distributions.test_database import attack
from tests.distributions.test_races import at_once
from tests.stages import staged

pytestmark = pytest.mark.slow

PUT_IN = (
    "INSERT INTO premiums_paid_on (id, distribution_id, item_id, amount, created_at)"
    " SELECT gen_random_uuid(), %s, id, premium_amount, now() FROM capital_call_items WHERE id = %s"
)
ALLOCATE = (
    "INSERT INTO distribution_allocations SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
    " 'investor_id', %s::text, 'investment_id', %s::text, 'premium_amount', %s::numeric, 'total_amount', %s::numeric,"
    " 'net_amount', %s::numeric))).* FROM distribution_allocations a WHERE a.id = %s"
)


@staged
def deal() -> Deal:
    return make_called_deal()


def allocate(row: DistributionAllocation, to: User, amount: str) -> str:
    investment = to.investments.get(offering=row.distribution.offering)
    return attack(ALLOCATE, str(to.pk), str(investment.pk), amount, amount, amount, row.pk)


@pytest.mark.django_db
class TestTheDatabase:
    def test_takes_a_premium_once(self, deal: Deal) -> None:
        call = arrived(deal)
        distribution = draw_up(deal, call)
        assert "premiums_paid_on_once" in attack(PUT_IN, distribution.pk, premium_item(call).pk)

    def test_takes_none_that_has_not_arrived(self, deal: Deal) -> None:
        called(deal)
        first, second = admit(deal, "Nina Newcomer", "150000.00"), admit(deal, "Nora Newer", "150000.00")
        call = late_closing(deal)
        pay(deal, item_of(call, first), at=ADMITTED)
        distribution = draw_up(deal, call)
        assert "has not arrived" in attack(PUT_IN, distribution.pk, item_of(call, second).pk)

    def test_takes_none_into_another_distribution(self, deal: Deal) -> None:
        call = arrived(deal)
        ordinary = deal.draw_up("1000.00", on=LATER.date(), at=LATER)
        assert "pays premiums on, and no other" in attack(PUT_IN, ordinary.pk, premium_item(call).pk)
        signed = approve(deal, call)
        assert "pays premiums on, and no other" in attack(PUT_IN, signed.pk, premium_item(call).pk)

    def test_takes_none_of_a_regular_call(self, deal: Deal) -> None:
        call = arrived(deal)
        distribution = draw_up(deal, call)
        regular = deal.investors[0].call_items.get()
        words = attack(
            "INSERT INTO premiums_paid_on (id, distribution_id, item_id, amount, created_at)"
            " VALUES (gen_random_uuid(), %s, %s, 1, now())",
            distribution.pk,
            regular.pk,
        )
        assert "is of a late closing" in words

    def test_takes_all_of_it(self, deal: Deal) -> None:
        call = arrived(deal)
        distributions.cancel(draw_up(deal, call), by=deal.operator, reason="Anew", at=LATER)
        bare = self.bare(deal, "65.76")
        words = attack(
            "INSERT INTO premiums_paid_on (id, distribution_id, item_id, amount, created_at)"
            " VALUES (gen_random_uuid(), %s, %s, 65.76, now())",
            bare.pk,
            premium_item(call).pk,
        )
        assert "is paid on whole" in words

    def test_keeps_what_is_in_a_distribution(self, deal: Deal) -> None:
        approve(deal, arrived(deal))
        assert "keeps its premiums" in attack("UPDATE premiums_paid_on SET freed_at = now()")
        assert "premiums_paid_on" in attack("DELETE FROM premiums_paid_on")
        assert "premiums_paid_on" in attack("TRUNCATE premiums_paid_on")
        for change in ("amount = 1", "item_id = gen_random_uuid()", "created_at = now()"):
            assert "never changes after creation" in attack(f"UPDATE premiums_paid_on SET {change}")

    def test_what_is_kept_for_them_stays_kept(self, deal: Deal) -> None:
        arrived(deal)
        assert "never changes after creation" in attack("UPDATE capital_call_items SET keeps_premium = false")

    def test_frees_only_with_the_cancellation_and_for_good(self, deal: Deal) -> None:
        distribution = draw_up(deal, arrived(deal))
        distributions.cancel(distribution, by=deal.operator, reason="Anew", at=LATER)
        assert PremiumPaidOn.objects.filter(freed_at__isnull=False).count() == 1
        assert "freed_at" in attack("UPDATE premiums_paid_on SET freed_at = NULL")

    def test_pays_nothing_to_who_paid_the_premium(self, deal: Deal) -> None:
        call = arrived(deal)
        row = standing(draw_up(deal, call))[0]
        words = allocate(row, premium_item(call).investor, "1.00")
        assert "of what others paid" in words

    def test_pays_a_late_closer_nothing_even_of_what_others_paid(self, deal: Deal) -> None:
        """They paid no earlier call."""
        call = arrived(deal, ("Nina Newcomer", "150000.00"), ("Nora Newer", "150000.00"))
        row = standing(draw_up(deal, call))[0]
        assert "of what others paid" in allocate(row, premium_item(call).investor, "1.00")

    def test_pays_nobody_more_than_arrived(self, deal: Deal) -> None:
        distribution = draw_up(deal, arrived(deal))
        row = standing(distribution)[0]
        DistributionAllocation.objects.filter(pk=row.pk).update(status="CANCELLED")
        assert "of what others paid" in allocate(row, deal.investors[0], "65.76")

    def test_the_waterfall_pays_no_premiums(self, deal: Deal) -> None:
        arrived(deal)
        row = standing(deal.draw_up("1000.00", on=LATER.date(), at=LATER))[0]
        DistributionAllocation.objects.filter(pk=row.pk).update(status="CANCELLED")
        words = attack(
            "INSERT INTO distribution_allocations SELECT (jsonb_populate_record(a, jsonb_build_object('id',"
            " gen_random_uuid(), 'status', 'PENDING', 'premium_amount', 1, 'total_amount', a.total_amount + 1,"
            " 'net_amount', a.net_amount + 1))).* FROM distribution_allocations a WHERE a.id = %s",
            row.pk,
        )
        assert "the waterfall pays no premiums" in words
        assert "premiums_are_apart" in attack("UPDATE distributions SET premium_total = 1")

    def test_a_distribution_stays_what_it_is(self, deal: Deal) -> None:
        distribution = approve(deal, arrived(deal))
        assert "never changes after creation" in attack("UPDATE distributions SET nature = 'WATERFALL'")
        assert "its numbers stay" in attack("UPDATE distributions SET premium_total = 1 WHERE id = %s", distribution.pk)
        assert "never changes after creation" in attack("UPDATE distribution_allocations SET premium_amount = 1")

    def test_a_draft_of_premiums_has_no_tiers(self, deal: Deal) -> None:
        distribution = draw_up(deal, arrived(deal))
        for change in ("profit_split_total = 65.75, premium_total = 0", "platform_fee_amount = 1, net_amount = 64.75"):
            words = attack(f"UPDATE distributions SET {change} WHERE id = %s", distribution.pk)
            assert "premiums_are_apart" in words

    def test_asks_nobody_to_sign_less_than_its_premiums(self, deal: Deal) -> None:
        call = arrived(deal)
        first = draw_up(deal, call)
        row = standing(first)[0]
        distributions.cancel(first, by=deal.operator, reason="Anew", at=LATER)
        bare = self.bare(deal, "50.00")
        item = premium_item(call)
        PremiumPaidOn.objects.create(distribution=bare, item=item, amount=item.premium_amount, created_at=LATER)
        DistributionAllocation.objects.create(
            distribution=bare,
            investor_id=row.investor_id,
            investment_id=row.investment_id,
            premium_amount=Decimal("50.00"),
            total_amount=Decimal("50.00"),
            net_amount=Decimal("50.00"),
        )
        words = attack(
            "UPDATE distributions SET status = 'PENDING_APPROVAL', content_hash = repeat('a', 64) WHERE id = %s",
            bare.pk,
        )
        assert "does not come to the premiums" in words

    def bare(self, deal: Deal, amount: str) -> Distribution:
        """A draft that pays premiums on, with nothing in it."""
        return Distribution.objects.create(
            offering=deal.offering,
            escrow_account=deal.escrow,
            distribution_number="DIST-2024-9999",
            type=Distribution.Type.SPECIAL,
            nature=Distribution.Nature.PREMIUM,
            total_amount=Decimal(amount),
            net_amount=Decimal(amount),
            premium_total=Decimal(amount),
            as_of_date=LATER.date(),
            created_by=deal.operator,
            created_at=LATER,
        )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_people_pay_a_premium_on_once(self) -> None:
        deal = make_called_deal()
        call = arrived(deal)

        results = at_once([
            partial(premiums.draw_up, call, creator=deal.operator, idempotency_key=f"press {number}", at=LATER)
            for number in range(6)
        ])  # fmt: skip

        assert sum(isinstance(one, Distribution) for one in results) == 1
        assert PremiumPaidOn.objects.count() == 1
        assert books.check() == []
