"""What the database refuses of distributions, whatever road a change takes."""

from uuid import UUID

import pytest
from django.db import Error, connection, transaction

from tests.distributions.deals import Deal, make_deal
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


def attack(sql: str, *parameters: UUID | str) -> str:
    """Run raw SQL that must be refused, and return in which words it was."""
    with connection.cursor() as cursor:
        # What the arrangement left to be checked at commit is checked now, and is no part of the attack.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(Error) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return str(refusal.value)


SIGN = (
    "INSERT INTO distribution_approvals (id, distribution_id, approver_id, content_hash, note, approved_at)"
    " SELECT gen_random_uuid(), id, %s, content_hash, '', now() FROM distributions"
)


class TestTheDatabase:
    @pytest.mark.parametrize("status", ["PROCESSING", "COMPLETED", "PARTIALLY_FAILED", "FAILED"])
    def test_lets_no_draft_skip_a_step(self, deal: Deal, status: str) -> None:
        deal.draw_up("1000.00")

        assert "DRAFT cannot become" in attack("UPDATE distributions SET status = %s", status)

    def test_lets_nothing_be_approved_without_a_signature(self, deal: Deal) -> None:
        deal.submit("1000.00")

        assert "lacks the signatures" in attack("UPDATE distributions SET status = 'APPROVED'")

    def test_lets_nothing_be_queued_before_it_is_approved(self, deal: Deal) -> None:
        deal.submit("1000.00")
        with connection.cursor() as cursor:
            cursor.execute(SIGN, [deal.approver.pk])

        assert "PENDING_APPROVAL cannot become QUEUED" in attack("UPDATE distributions SET status = 'QUEUED'")

    def test_lets_nothing_large_be_approved_with_one_signature(self, deal: Deal) -> None:
        deal.submit("60000.00")
        with connection.cursor() as cursor:
            cursor.execute(SIGN, [deal.approver.pk])

        assert "lacks the signatures" in attack("UPDATE distributions SET status = 'APPROVED'")

    def test_lets_nobody_sign_what_they_created(self, deal: Deal) -> None:
        deal.submit("1000.00")

        assert "nobody approves the distribution they created" in attack(SIGN, deal.operator.pk)

    def test_lets_nobody_sign_twice(self, deal: Deal) -> None:
        deal.submit("60000.00")
        with connection.cursor() as cursor:
            cursor.execute(SIGN, [deal.approver.pk])

        assert "distribution_approvals_once" in attack(SIGN, deal.approver.pk)

    def test_lets_nobody_sign_other_numbers(self, deal: Deal) -> None:
        deal.submit("1000.00")
        sql = SIGN.replace(" content_hash, ''", " repeat('0', 64), ''")

        assert "not waiting for a signature under these numbers" in attack(sql, deal.approver.pk)

    def test_lets_no_signature_be_changed_or_removed(self, deal: Deal) -> None:
        deal.approve("1000.00")

        assert "kept as they are" in attack("UPDATE distribution_approvals SET note = 'x'")
        assert "kept as they are" in attack("DELETE FROM distribution_approvals")

    @pytest.mark.parametrize("column", ["total_amount", "currency", "distribution_number", "created_by_id"])
    def test_keeps_what_a_distribution_was_created_with(self, deal: Deal, column: str) -> None:
        deal.draw_up("1000.00")
        values = {"total_amount": "1", "currency": "'EUR'", "distribution_number": "'DIST-2025-9999'"}
        value = values.get(column, f"'{deal.approver.pk}'")

        assert "never changes" in attack(f"UPDATE distributions SET {column} = {value}")

    @pytest.mark.parametrize("column", ["return_of_capital", "preferred_return", "total_amount", "net_amount"])
    def test_keeps_what_an_allocation_was_drawn_up_with(self, deal: Deal, column: str) -> None:
        deal.draw_up("1000.00")

        assert "never changes" in attack(f"UPDATE distribution_allocations SET {column} = {column} + 1")

    def test_keeps_allocations_for_good(self, deal: Deal) -> None:
        deal.draw_up("1000.00")

        assert "kept as they are" in attack("DELETE FROM distribution_allocations")
        assert "kept as they are" in attack("TRUNCATE distribution_allocations CASCADE")

    def test_lets_no_tiers_fail_to_add_up(self, deal: Deal) -> None:
        deal.draw_up("1000.00")

        words = attack(
            "UPDATE distributions SET status = 'PENDING_APPROVAL', content_hash = 'x',"
            " preferred_return_total = preferred_return_total + 0.01"
        )

        assert "distributions_tiers_add_up" in words

    def test_lets_no_allocation_fail_to_add_up(self, deal: Deal) -> None:
        deal.draw_up("1000.00")
        columns = "distribution_id, return_of_capital, preferred_return, sponsor_catch_up, profit_split, fee_amount"
        sql = (
            f"INSERT INTO distribution_allocations (id, investor_id, {columns}, total_amount, net_amount, status,"
            " failure_reason, explanation, metadata, created_at, updated_at)"
            f" SELECT gen_random_uuid(), %s, {columns}, total_amount + 1, net_amount + 1, 'PENDING', '', '{{}}',"
            " '{}', now(), now() FROM distribution_allocations LIMIT 1"
        )

        assert "allocations_tiers_add_up" in attack(sql, deal.approver.pk)

    def test_lets_nobody_be_paid_twice_by_one_distribution(self, deal: Deal) -> None:
        deal.draw_up("1000.00")
        columns = (
            "distribution_id, investor_id, investment_id, return_of_capital, preferred_return, sponsor_catch_up,"
            " profit_split, total_amount, fee_amount, net_amount, status, failure_reason, explanation, metadata,"
            " created_at, updated_at"
        )

        words = attack(
            f"INSERT INTO distribution_allocations (id, {columns})"
            f" SELECT gen_random_uuid(), {columns} FROM distribution_allocations"
        )

        assert "allocations_once_per_payee" in words

    def test_lets_no_allocation_skip_a_step(self, deal: Deal) -> None:
        deal.draw_up("1000.00")

        assert "PENDING cannot become COMPLETED" in attack("UPDATE distribution_allocations SET status = 'COMPLETED'")

    def test_lets_no_two_allocations_share_a_payment(self, deal: Deal) -> None:
        deal.execute("1000.00")

        words = attack(
            "UPDATE distribution_allocations SET transaction_id ="
            " (SELECT id FROM transactions WHERE type = 'DISTRIBUTION' LIMIT 1)"
        )

        assert "transaction_id" in words

    def test_writes_every_change_to_the_audit_trail(self, deal: Deal) -> None:
        deal.draw_up("1000.00")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE distributions SET description = 'By hand'")
            cursor.execute(
                "SELECT changes -> 'after' ->> 'description' FROM audit_events"
                " WHERE entity_type = 'distributions' AND operation = 'UPDATE' ORDER BY created_at DESC LIMIT 1"
            )
            assert cursor.fetchone() == ("By hand",)


class TestPaymentsThatBeginInTheQueue:
    SQL = (
        "INSERT INTO transactions SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),"
        " 'idempotency_key', gen_random_uuid(), 'replaces_id', NULL) || %s::jsonb)).* FROM transactions t"
        " WHERE t.type = 'DISTRIBUTION' LIMIT 1"
    )

    @pytest.mark.parametrize(
        "change",
        [
            '{"is_reserved": false}',
            '{"compliance_check_passed": false}',
            '{"distribution_id": null}',
            '{"type": "ESCROW_WITHDRAWAL"}',
            '{"status": "APPROVED"}',
        ],
    )
    def test_are_signed_screened_and_reserved(self, deal: Deal, change: str) -> None:
        deal.execute("1000.00")

        assert "rows begin as INITIATED" in attack(self.SQL, change)

    def test_have_their_approvals(self, deal: Deal) -> None:
        deal.execute("1000.00")

        words = attack(self.SQL, '{"approved_by_id": null, "approved_at": null}')

        assert "transactions_moves_only_approved" in words
