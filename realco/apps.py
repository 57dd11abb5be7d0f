"""The kernel's app: gives connections their audit stamp and reads the table of subscriptions."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class RealcoConfig(AppConfig):
    name = "realco"
    verbose_name = "RealCo"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from realco import audit, events, lookups
        from realco.subscriptions import SUBSCRIPTIONS

        lookups.register()
        connection_created.connect(audit.install, dispatch_uid="realco.audit")
        events.subscribe(SUBSCRIPTIONS)
