"""The distributions app."""

from django.apps import AppConfig
from django.core import checks


class DistributionsConfig(AppConfig):
    name = "distributions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Look for what PDF statements need, and say so when it is missing."""
        from distributions.statement_files import check_pango

        checks.register(check_pango)
