"""An investor's bank accounts: the list, by their last four digits, and adding one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from finance.models import BankAccount
from finance.operations import bank_accounts as operations
from realco import clock
from realco.errors import Refusal
from realco.models import User
from realco.portal.access import signed_in
from realco.portal.forms import BankAccountForm

UNPROCESSABLE = 422


@signed_in
@require_safe
def bank_accounts(request: HttpRequest, investor: User) -> HttpResponse:
    """List the person's bank accounts, newest first."""
    accounts = BankAccount.objects.filter(user=investor)
    return render(request, "portal/bank_accounts.html", {"section": "bank_accounts", "accounts": accounts})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add_bank_account(request: HttpRequest, investor: User) -> HttpResponse:
    """Ask for a bank account and add it, to be verified before it is used."""
    if request.method != "POST":
        return _page(request, BankAccountForm(initial={"holder_name": investor.full_name}))
    form = BankAccountForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=UNPROCESSABLE)
    try:
        account = operations.add(investor, **form.cleaned_data, by=investor, at=clock.now())
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, status=UNPROCESSABLE)
    messages.success(request, f"{account} is added. You can use it as soon as we have verified it.")
    return redirect("portal:bank_accounts")


@signed_in
@require_POST
def close_bank_account(request: HttpRequest, investor: User, account_id: UUID) -> HttpResponse:
    """Close one of the person's bank accounts; payments on their way go on."""
    account = get_object_or_404(BankAccount, pk=account_id, user=investor)
    try:
        operations.close(account, by=investor, reason="Closed by its owner.", at=clock.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{account} is closed. Add it again if you need it once more.")
    return redirect("portal:bank_accounts")


def _page(request: HttpRequest, form: BankAccountForm, *, status: int = 200) -> HttpResponse:
    context = {"section": "bank_accounts", "form": form}
    return render(request, "portal/bank_account_add.html", context, status=status)
