"""The portal's addresses. Changes are posted; every GET only reads."""

from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.urls import path, reverse_lazy
from django.views.decorators.cache import never_cache

from realco.portal.bank_accounts import add_bank_account, bank_accounts, close_bank_account
from realco.portal.capital import capital, pay_call
from realco.portal.dashboard import dashboard
from realco.portal.distributions import (
    check_receipt,
    distribution,
    distribution_statement,
    distributions,
    quarter_statement,
    receipt,
)
from realco.portal.forms import PasswordForm, SignInForm
from realco.portal.offerings import invest, offering, offerings, quote
from realco.portal.profile import profile
from realco.portal.refunds import cancel_commitment
from realco.portal.reinvestments import reinvest, reinvestments, withdraw_reinvestment
from realco.portal.statements import proof, proof_list, statement
from realco.portal.transactions import cancel, transaction, transactions

app_name = "portal"
urlpatterns = [
    path("", dashboard, name="dashboard"),
    path(
        "sign-in/",
        LoginView.as_view(
            template_name="portal/sign_in.html",
            authentication_form=SignInForm,
            redirect_authenticated_user=True,
        ),
        name="sign_in",
    ),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("offerings/", offerings, name="offerings"),
    path("offerings/<slug:slug>/", offering, name="offering"),
    path("offerings/<slug:slug>/invest/", invest, name="invest"),
    path("offerings/<slug:slug>/quote/", quote, name="quote"),
    path("offerings/<slug:slug>/cancel/", cancel_commitment, name="cancel_commitment"),
    path("payments/", transactions, name="transactions"),
    path("payments/<uuid:payment_id>/", transaction, name="transaction"),
    path("payments/<uuid:payment_id>/cancel/", cancel, name="cancel"),
    path("distributions/", distributions, name="distributions"),
    path("distributions/<uuid:allocation_id>/", distribution, name="distribution"),
    path("distributions/<uuid:allocation_id>/receipt/", receipt, name="receipt"),
    path("distributions/<uuid:allocation_id>/statement/", distribution_statement, name="distribution_statement"),
    path("distributions/quarters/<int:year>-<int:number>/", quarter_statement, name="quarter_statement"),
    path("distributions/check/", check_receipt, name="check_receipt"),
    path("reinvesting/", reinvestments, name="reinvestments"),
    path("reinvesting/<uuid:investment_id>/", reinvest, name="reinvest"),
    path("reinvesting/<uuid:election_id>/withdraw/", withdraw_reinvestment, name="withdraw_reinvestment"),
    path("capital/", capital, name="capital"),
    path("capital/calls/<uuid:item_id>/pay/", pay_call, name="pay_call"),
    path("statement/", statement, name="statement"),
    path("statement/proofs/", proof_list, name="proofs"),
    path("statement/proofs/<uuid:snapshot_id>/", proof, name="proof"),
    path("bank-accounts/", bank_accounts, name="bank_accounts"),
    path("bank-accounts/add/", add_bank_account, name="add_bank_account"),
    path("bank-accounts/<uuid:account_id>/close/", close_bank_account, name="close_bank_account"),
    path("profile/", profile, name="profile"),
    path(
        "profile/password/",
        never_cache(
            PasswordChangeView.as_view(
                template_name="portal/password.html",
                form_class=PasswordForm,
                success_url=reverse_lazy("portal:profile"),
                extra_context={"section": "profile"},
            )
        ),
        name="password",
    ),
]
