"""How far the sandbox lives ahead of the real clock. Empty in production."""

from datetime import timedelta

from django.db import models

from realco import guards


class SandboxClock(models.Model):
    """The one row of the sandbox's time, read through ``realco.clock``."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField(default=timedelta(0))

    class Meta:
        db_table = "sandbox_clock"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="sandbox_clock_one_row"),)
        triggers = (*guards.audited(),)

    def __str__(self) -> str:
        return f"{self.offset} ahead"
