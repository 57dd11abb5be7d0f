"""Bank accounts of investors, sponsors and of escrow itself; numbers encrypted, last four kept beside."""

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from realco import guards
from realco.encryption import EncryptedTextField
from realco.identifiers import new_id
from realco.models import Organization


class BankAccountStatus(models.TextChoices):
    PENDING_VERIFICATION = "PENDING_VERIFICATION", "Pending verification"
    VERIFIED = "VERIFIED", "Verified"
    VERIFICATION_FAILED = "VERIFICATION_FAILED", "Verification failed"
    SUSPENDED = "SUSPENDED", "Suspended"
    CLOSED = "CLOSED", "Closed"


class BankAccountKind(models.TextChoices):
    CHECKING = "CHECKING", "Checking"
    SAVINGS = "SAVINGS", "Savings"


TRANSITIONS = {
    BankAccountStatus.PENDING_VERIFICATION: (
        BankAccountStatus.VERIFIED,
        BankAccountStatus.VERIFICATION_FAILED,
        BankAccountStatus.SUSPENDED,
        BankAccountStatus.CLOSED,
    ),
    BankAccountStatus.VERIFICATION_FAILED: (BankAccountStatus.PENDING_VERIFICATION, BankAccountStatus.CLOSED),
    BankAccountStatus.VERIFIED: (BankAccountStatus.SUSPENDED, BankAccountStatus.CLOSED),
    BankAccountStatus.SUSPENDED: (BankAccountStatus.VERIFIED, BankAccountStatus.CLOSED),
    BankAccountStatus.CLOSED: (),
}


class BankAccount(models.Model):
    """
    A bank account that money comes from or goes to.

    Belongs to a person, or to the platform (an escrow bank account). ``fingerprint`` is a keyed
    hash of routing and account number, by which duplicates are found without decrypting. Whoever
    added it (``added_by``) is never who says that it is its owner's (``verified_by``). An
    account that a bank's return has blocked is SUSPENDED with the return code as its reason.
    """

    Status = BankAccountStatus
    Kind = BankAccountKind

    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="bank_accounts"
    )
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="bank_accounts"
    )
    holder_name = models.CharField(max_length=200)
    bank_name = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=20, choices=BankAccountKind, default=BankAccountKind.CHECKING)
    account_number = EncryptedTextField()
    routing_number = EncryptedTextField()
    last_four = models.CharField(max_length=4)
    fingerprint = models.CharField(max_length=64)
    provider_token = EncryptedTextField(null=True, blank=True)
    status = models.CharField(max_length=30, choices=BankAccountStatus, default=BankAccountStatus.PENDING_VERIFICATION)
    status_reason = models.CharField(max_length=300, blank=True, default="")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    verified_at = models.DateTimeField(null=True, blank=True)
    authorization_revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "bank_accounts"
        ordering = ("-created_at", "-id")
        permissions = (("verify_bankaccount", "Can verify, suspend and close bank accounts"),)
        constraints = (
            guards.known_values("bank_accounts", "status", BankAccountStatus),
            guards.known_values("bank_accounts", "kind", BankAccountKind),
            models.CheckConstraint(
                condition=Q(user__isnull=True, organization__isnull=False)
                | Q(user__isnull=False, organization__isnull=True),
                name="bank_accounts_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(added_by__isnull=True) | Q(verified_by__isnull=True) | ~Q(verified_by=F("added_by")),
                name="bank_accounts_added_and_verified_by_two",
            ),
            models.CheckConstraint(condition=Q(last_four__regex=r"^[0-9]{4}$"), name="bank_accounts_last_four"),
            models.UniqueConstraint(
                fields=["user", "organization", "fingerprint"],
                condition=~Q(status="CLOSED"),
                nulls_distinct=False,
                name="bank_accounts_once_per_owner",
            ),
        )
        triggers = (
            *guards.audited("account_number", "routing_number", "provider_token"),
            *guards.never_deleted(),
            guards.immutable("user_id", "organization_id", "last_four", "fingerprint"),
            guards.immutable("id", name="keeps_its_id"),
            guards.legal_status(BankAccountStatus.PENDING_VERIFICATION, TRANSITIONS),
            guards.written_once("added_by_id"),
        )

    def __str__(self) -> str:
        return f"{self.bank_name or 'Bank'} {self.masked}"

    @property
    def masked(self) -> str:
        """The account number as people may see it."""
        return f"••{self.last_four}"

    @property
    def owner_id(self) -> UUID:
        """The person whose account it is; an organization's is its owner's."""
        organization = None if self.organization_id is None else self.organization
        owner_id = self.user_id if organization is None else organization.owner_id
        assert owner_id is not None
        return owner_id

    @property
    def is_usable(self) -> bool:
        """Whether money may be sent to it or drawn from it."""
        return self.status == self.Status.VERIFIED
