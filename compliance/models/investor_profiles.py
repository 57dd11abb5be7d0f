"""What compliance knows about a person: identity, means, and whether we may deal with them."""

from datetime import datetime

from django.db import models
from django.utils import timezone

from realco import guards
from realco.encryption import EncryptedTextField
from realco.identifiers import new_id
from realco.models import User
from realco.money import MoneyField


class CheckStatus(models.TextChoices):
    """The outcome of a check, and of an investor's identity as a whole."""

    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"
    PENDING = "PENDING", "Pending"
    MANUAL_REVIEW = "MANUAL_REVIEW", "Manual review"


class InvestorKind(models.TextChoices):
    INDIVIDUAL = "INDIVIDUAL", "Individual"
    ENTITY = "ENTITY", "Entity"


class InvestorProfile(models.Model):
    """
    An investor's identity and means.

    ``legal_name`` is what is screened against sanctions lists. Income and net worth are yearly US
    dollars as the investor stated them (17 CFR 227.100). A restriction stops every payment.
    """

    Kind = InvestorKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="investor_profile")
    kind = models.CharField(max_length=20, choices=InvestorKind, default=InvestorKind.INDIVIDUAL)
    legal_name = models.CharField(max_length=200)
    date_of_birth = models.DateField(null=True, blank=True)
    country = models.CharField(max_length=2, default="US")
    address = models.CharField(max_length=300, blank=True, default="")
    tax_id = EncryptedTextField(null=True, blank=True)
    tax_id_last_four = models.CharField(max_length=4, blank=True, default="")
    annual_income = MoneyField(null=True, blank=True)
    net_worth = MoneyField(null=True, blank=True)
    is_accredited = models.BooleanField(default=False)
    kyc_status = models.CharField(max_length=20, choices=CheckStatus, default=CheckStatus.PENDING)
    kyc_checked_at = models.DateTimeField(null=True, blank=True)
    kyc_expires_at = models.DateTimeField(null=True, blank=True)
    restricted_at = models.DateTimeField(null=True, blank=True)
    restriction_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "investor_profiles"
        ordering = ("legal_name",)
        permissions = (("restrict_investorprofile", "Can restrict an investor and lift a restriction"),)
        constraints = (
            guards.known_values("investor_profiles", "kind", InvestorKind),
            guards.known_values("investor_profiles", "kyc_status", CheckStatus),
            models.CheckConstraint(
                condition=models.Q(restricted_at__isnull=True) | ~models.Q(restriction_reason=""),
                name="investor_profiles_restriction_says_why",
            ),
        )
        triggers = (*guards.audited("tax_id"), *guards.never_deleted(), guards.immutable("user_id"))

    def __str__(self) -> str:
        return self.legal_name

    @property
    def is_restricted(self) -> bool:
        """Whether every payment of this investor is stopped."""
        return self.restricted_at is not None

    def is_identified(self, at: datetime) -> bool:
        """Whether the identity check was passed and has not expired."""
        is_current = self.kyc_expires_at is None or self.kyc_expires_at > at
        return self.kyc_status == CheckStatus.PASSED and is_current
