"""Which gateway is in use: chosen by settings, and by name for what a provider sends to us."""

from collections.abc import Mapping

from django.conf import settings

from finance.gateways import manual, sandbox
from finance.gateways.interface import Gateway
from realco.errors import NotFound

GATEWAYS: Mapping[str, Gateway] = {"sandbox": sandbox, "manual": manual}


class UnknownProvider(NotFound):
    """There is no provider of that name here."""


def current() -> Gateway:
    """
    Return the gateway that payments go through (settings.PAYMENT_GATEWAY).

    :raises UnknownProvider: if the setting names none
    """
    return named(settings.PAYMENT_GATEWAY)


def named(provider: str) -> Gateway:
    """
    Return the gateway of a provider.

    :raises UnknownProvider: if there is none of that name, or it is the sandbox in production mode
    """
    if provider not in GATEWAYS or (provider == "sandbox" and not settings.SANDBOX):
        raise UnknownProvider(f"There is no payment provider called “{provider}” here.")
    return GATEWAYS[provider]
