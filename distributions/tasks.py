"""Tasks of distributions: wake-ups that call one operation each."""

from uuid import UUID

from celery import shared_task

from distributions.operations import allocations, call_payments, payouts, reinvestment_movements, sweeps
from realco import clock


@shared_task(name="distributions.follow_payment", ignore_result=True)
def follow_payment(*, payment_id: str, **_: object) -> None:
    """Bring a payment's allocation to where the payment is."""
    allocations.follow(UUID(payment_id), at=clock.now())


@shared_task(name="distributions.pay", ignore_result=True)
def pay(*, distribution_id: str, **_: object) -> int:
    """Make payments of an executed distribution until nobody is left, beside other workers that do the same."""
    return payouts.go_on(UUID(distribution_id), at=clock.now())


@shared_task(name="distributions.follow_reinvestment", ignore_result=True)
def follow_reinvestment(*, payment_id: str, **_: object) -> None:
    """Bring what was reinvested to where its payments are, and pay what is then due in cash."""
    reinvestment_movements.follow(UUID(payment_id), at=clock.now())


@shared_task(name="distributions.sweep", ignore_result=True)
def sweep(**_: object) -> int:
    """Resume, follow and finish whatever waits; return how much of it moved on."""
    return sweeps.sweep(at=clock.now())


@shared_task(name="distributions.follow_call", ignore_result=True)
def follow_call(*, payment_id: str, **_: object) -> None:
    """Release the capital call that a completed payment was made for."""
    call_payments.follow(UUID(payment_id), at=clock.now())


@shared_task(name="distributions.sweep_calls", ignore_result=True)
def sweep_calls(**_: object) -> None:
    """Release whatever was paid for capital calls and waits."""
    call_payments.sweep(at=clock.now())
