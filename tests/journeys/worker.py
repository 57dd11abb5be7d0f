"""
One wake-up of a worker in a process of its own, so that a test may kill it.

``python -m tests.journeys.worker finance.process_transaction payment_id=…`` runs the named task;
``bank`` lets the sandbox bank work and deliver its webhooks to the real endpoint in this process.
"""

import os
import sys


def main(name: str, *pairs: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")
    import django

    django.setup()
    if name == "bank":
        from finance.gateways import sandbox_bank, sandbox_transport, sandbox_webhooks
        from realco import clock

        sandbox_bank.work(at=clock.now())
        sandbox_webhooks.deliver(post=sandbox_transport.post_in_process, at=clock.now())
        return
    from celery import current_app

    current_app.loader.import_default_modules()
    current_app.tasks[name](**dict(pair.split("=", 1) for pair in pairs))


if __name__ == "__main__":
    main(*sys.argv[1:])
