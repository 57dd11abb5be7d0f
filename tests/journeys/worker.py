"""
One wake-up of a worker in a process of its own, so that a test may kill it.

``python -m tests.journeys.worker finance.process_transaction payment_id=…`` runs the named task;
``bank`` lets the sandbox bank work and deliver its webhooks to the real endpoint in this process;
``everything`` does that and every sweep, until nothing moves any more (``batch=…`` refunds or payees of a
distribution are dealt with and ``chunk=…`` payments are sent at a time);
``approve run=… approver=…`` signs a refund run; ``execute distribution=… executor=… batch=…`` pays a distribution.
"""

import os
import sys


def main(name: str, *pairs: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")
    import django

    django.setup()
    values = dict(pair.split("=", 1) for pair in pairs)
    if name == "bank":
        from finance.gateways import sandbox_bank, sandbox_transport, sandbox_webhooks
        from realco import clock

        sandbox_bank.work(at=clock.now())
        sandbox_webhooks.deliver(post=sandbox_transport.post_in_process, at=clock.now())
    elif name == "everything":
        from distributions.operations import allocations, payouts
        from finance import tasks
        from finance.gateways import sandbox_transport
        from finance.operations import bulk_settlements, bulk_submissions, refund_payments, sandbox

        bulk_submissions.CHUNK = bulk_settlements.CHUNK = int(values.get("chunk", bulk_submissions.CHUNK))
        refund_payments.BATCH = int(values.get("batch", refund_payments.BATCH))
        payouts.CHUNK = int(values.get("batch", payouts.CHUNK))
        allocations.CHUNK = int(values.get("batch", allocations.CHUNK))
        sandbox.work(post=sandbox_transport.post_in_process, sweep=tasks.run_sweeps)
    elif name == "approve":
        approve(**values)
    elif name == "execute":
        execute(**values)
    else:
        from celery import current_app

        current_app.loader.import_default_modules()
        current_app.tasks[name](**values)


def approve(run: str, approver: str) -> None:
    from finance.models import RefundRun
    from finance.operations import refund_runs
    from realco import clock
    from realco.models import User

    found = RefundRun.objects.get(pk=run)
    refund_runs.approve(found, approver=User.objects.get(pk=approver), content_hash=found.content_hash, at=clock.now())


def execute(distribution: str, executor: str, batch: str) -> None:
    from distributions.models import Distribution
    from distributions.operations import payouts
    from realco import clock
    from realco.models import User

    payouts.CHUNK = int(batch)
    person = User.objects.get(pk=executor)
    payouts.execute(Distribution.objects.get(pk=distribution), executor=person, at=clock.now())


if __name__ == "__main__":
    main(*sys.argv[1:])
