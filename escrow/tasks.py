"""What workers do for escrow: let holds expire; every night reconcile each account, and prove the books."""

import logging

from celery import shared_task

from escrow import books
from escrow.models import EscrowAccount
from escrow.operations import holds, reconciliations
from realco import clock
from realco.business_days import banking_date

logger = logging.getLogger(__name__)


class BooksDoNotProve(Exception):
    """The nightly check found something; each finding is in the log, and ``manage.py check_books`` shows all."""


@shared_task(name="escrow.reconcile_all", ignore_result=True)
def reconcile_all(**_: object) -> None:
    """Reconcile every escrow account that is not closed, each in its own transaction."""
    failed = []
    for account in EscrowAccount.objects.exclude(status=EscrowAccount.Status.CLOSED):
        at = clock.now()
        try:
            reconciliations.reconcile(account, as_of=banking_date(at), by=None, at=at)
        except Exception:
            # One account that cannot be compared must not keep the others from their proof.
            logger.exception("%s could not be reconciled", account)
            failed.append(str(account))
    if failed:
        raise BooksDoNotProve(f"not reconciled: {', '.join(failed)}")


@shared_task(name="escrow.check_books", ignore_result=True)
def check_books(**_: object) -> None:
    """Prove the books of all escrow accounts, and fail loudly if they do not prove."""
    findings = books.check()
    for finding in findings:
        logger.critical("books: %s", finding)
    if findings:
        raise BooksDoNotProve(f"{len(findings)} findings, the first: {findings[0]}")


@shared_task(name="escrow.sweep_holds", ignore_result=True)
def sweep_holds(**_: object) -> None:
    """Free what holds still block whose time is over."""
    holds.expire_due(clock.now())
