"""What tests of the sandbox share: a fixed first day, and a road for its webhooks to the real endpoint."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.test import Client
from django.utils import timezone

from finance import tasks
from finance.gateways import sandbox_bank, sandbox_webhooks
from finance.gateways.sandbox_webhooks import Post
from finance.models import TransactionWebhook
from finance.operations import sandbox as sandbox_time
from realco import clock

FIRST_NOON = datetime(2035, 3, 6, 17, 0, tzinfo=UTC)
"""A Tuesday noon in New York, far enough ahead that the sandbox clock can still be moved there."""
ADDRESS = "/webhooks/sandbox"


def begin() -> datetime:
    """Move the sandbox clock to the first noon, and return it."""
    return clock.advance(FIRST_NOON - timezone.now() - clock.offset())


def post_to(client: Client) -> Post:
    """Return the road that webhooks take in tests: Django's test client, to the real endpoint."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        rest = {name: value for name, value in headers.items() if name != "Content-Type"}
        return client.generic("POST", ADDRESS, body, content_type="application/json", headers=rest).status_code

    return post


def tell(client: Client) -> int:
    """Let the bank do what is due now and deliver its webhooks; returns how many arrived."""
    sandbox_bank.work(at=clock.now())
    return sandbox_webhooks.deliver(post=post_to(client), at=clock.now())


def live(days: int) -> None:
    """Let days pass at the bank, in its messages and in our sweeps."""
    for _ in sandbox_time.advance(days, post=post_to(Client()), sweep=tasks.run_sweeps):
        pass


def leap(days: int) -> None:
    """Do what is due, let days pass while nobody works; then the bank and our sweeps catch up with all of them."""
    live(0)
    clock.advance(timedelta(days=days))
    live(0)


def stored(event_type: str = "") -> list[TransactionWebhook]:
    """Return the stored events, in the order in which they came."""
    rows = TransactionWebhook.objects.order_by("created_at", "id")
    return list(rows.filter(event_type=event_type) if event_type else rows)
