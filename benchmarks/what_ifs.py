"""
What-if pages: how long the first answer takes, and the pages after it, at 1,000, 10,000 and 50,000 investors.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/distributions.py --what-if [--investors 1000 10000]

An offering whose investors have been released (`paying_distributions.prepare`) and which has distributed once. Asked is
what a sale brings to everybody, and what if something were left; as the page asks it, with everything it shows, in a
process of its own. The first answer at 50,000 is to take less than 5 s of processor time, the database's included.
The database must be migrated and is left with the rows; use one of your own.
"""

import cProfile
import logging
import pstats
import resource
import time
from typing import Any
from uuid import UUID

from benchmarks import paying_distributions

STAGES = ("first answer", "with value left", "next page", "by change")
MOST_PROCESSOR = {50_000: 5.0}


def measure(investors: int, ids: dict[str, str], profiled: str) -> dict[str, Any]:
    """Ask as the page does; return seconds and processor seconds (ours and the database's) of each stage."""
    import django

    django.setup()
    from django.db import connection

    from realco.models import User

    logging.disable(logging.WARNING)
    _distribute_once(ids)
    person = User.objects.get(pk=UUID(ids["operator"]))
    asked = _questions(ids)
    # What a process loads once, its pages and templates, is no part of an answer.
    _asked(person, {})
    server = connection.connection and connection.connection.info.backend_pid
    found: dict[str, Any] = {}
    for name in STAGES:
        watch, profile = paying_distributions.Watch(), cProfile.Profile()
        began, worked, served = time.perf_counter(), time.process_time(), paying_distributions.processor_of(server)
        with connection.execute_wrapper(watch):
            if name == profiled:
                profile.enable()
            size = _asked(person, asked[name])
            profile.disable()
        found[name] = {
            "seconds": time.perf_counter() - began,
            "processor": time.process_time() - worked,
            "database": paying_distributions.processor_of(server) - served,
            "statements": watch.number,
            "bytes": size,
        }
        if name == profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(26)
            watch.show()
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def _distribute_once(ids: dict[str, str]) -> None:
    """Have a third of the capital distributed and approved, so that there is something to compare with."""
    from distributions.models import Distribution

    if Distribution.objects.filter(offering_id=ids["offering"], approved_at__isnull=False).exists():
        return
    whole, steps = paying_distributions.draft(ids)
    for name in ("calculate", "submit", "sign", "sign again"):
        whole = steps[name](whole)


def _questions(ids: dict[str, str]) -> dict[str, dict[str, str]]:
    from realco import clock
    from realco.business_days import banking_date

    base = {"offering": ids["offering"], "amount": "1500000.00", "on": banking_date(clock.now()).isoformat()}
    return {
        "first answer": base,
        "with value left": {**base, "residual": "9000000.00"},
        "next page": {**base, "page": "2"},
        "by change": {**base, "order": "change", "only": "any"},
    }


def _asked(person: Any, query: dict[str, str]) -> int:
    """Ask as a signed-in member of staff; return how many bytes came back."""
    from django.contrib import admin
    from django.contrib.sessions.backends.cache import SessionStore
    from django.test import RequestFactory

    from distributions.models import Distribution

    pages: Any = admin.site._registry[Distribution]
    request = RequestFactory().get("/", query)
    request.user, request.session = person, SessionStore()
    response = pages.what_if_view(request)
    response.render()
    assert response.status_code == 200, response.status_code
    return len(response.content)


def show(investors: int, found: dict[str, Any]) -> list[str]:
    """Print a row and return what it misses."""
    cells = " ".join(
        f"{found[name]['seconds']:>7.2f} {found[name]['processor'] + found[name]['database']:>7.2f}" for name in STAGES
    )
    first = found["first answer"]
    print(f"{investors:>9,} {cells} {found['memory']:>6} {first['statements']:>10} {first['bytes'] // 1024:>6}")
    limit, spent = MOST_PROCESSOR.get(investors), first["processor"] + first["database"]
    return [f"the first answer took {spent:.1f} s of processor time, not {limit} s"] if limit and spent > limit else []
