"""Each question compliance asked before a payment, what the answer was, and by which rule."""

from uuid import UUID

from django.db import models
from django.utils import timezone

from compliance.models.investor_profiles import CheckStatus
from compliance.models.sanctioned_parties import SanctionedParty
from realco import guards
from realco.identifiers import new_id
from realco.models import User


class ComplianceCheckType(models.TextChoices):
    OFAC = "OFAC", "Sanctions (OFAC)"
    KYC = "KYC", "Identity (KYC)"
    AML = "AML", "Money laundering (AML)"
    LIMIT_CHECK = "LIMIT_CHECK", "Limits"
    ACCREDITATION = "ACCREDITATION", "Accreditation"


class ComplianceCheck(models.Model):
    """
    One answer. Kept for ever; only a review by a person adds to it, once.

    ``payment`` is the payment it was asked for, if any; ``details`` holds figures and matches,
    money as strings; ``score`` is the similarity of a name match between 0 and 1.
    """

    CheckType = ComplianceCheckType

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    check_type = models.CharField(max_length=20, choices=ComplianceCheckType)
    status = models.CharField(max_length=20, choices=CheckStatus)
    subject = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="compliance_checks", db_index=False, db_constraint=False
    )
    payment = models.ForeignKey(
        "finance.Transaction",
        null=True,
        on_delete=models.PROTECT,
        related_name="compliance_checks",
        db_constraint=False,
    )
    rule_version = models.CharField(max_length=60)
    summary = models.CharField(max_length=300)
    details = models.JSONField(default=dict)
    score = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    matched_party = models.ForeignKey(
        SanctionedParty, null=True, on_delete=models.PROTECT, related_name="matches", db_index=False
    )
    reviewed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    reviewed_at = models.DateTimeField(null=True)
    review_note = models.TextField(blank=True, default="")
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "compliance_checks"
        ordering = ("-created_at",)
        permissions = (("review_compliancecheck", "Can decide a check that needs manual review"),)
        indexes = (
            models.Index(fields=["subject", "check_type", "-created_at"], name="compliance_checks_subject"),
            # Hardly any check names a party or a reviewer, and every payment writes four.
            models.Index(
                fields=["matched_party"],
                condition=models.Q(matched_party__isnull=False),
                name="compliance_checks_party",
            ),
            models.Index(
                fields=["reviewed_by"],
                condition=models.Q(reviewed_by__isnull=False),
                name="compliance_checks_reviewer",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="MANUAL_REVIEW"),
                name="compliance_checks_waiting",
            ),
        )
        constraints = (
            guards.known_values("compliance_checks", "check_type", ComplianceCheckType),
            guards.known_values("compliance_checks", "status", CheckStatus),
            models.CheckConstraint(
                condition=models.Q(reviewed_by__isnull=True, reviewed_at__isnull=True)
                | (models.Q(reviewed_by__isnull=False, reviewed_at__isnull=False) & ~models.Q(review_note="")),
                name="compliance_checks_review_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(reviewed_by__isnull=True) | ~models.Q(reviewed_by=models.F("subject")),
                name="compliance_checks_not_reviewed_by_subject",
            ),
        )
        triggers = (
            *guards.audited(insert="compliance_audit_answers"),
            *guards.never_deleted(),
            guards.immutable(
                "subject_id", "payment_id", "check_type", "rule_version", "details", "matched_party_id", "score"
            ),
            guards.Guard(
                "compliance_checks_are_about_somebody",
                name="about_somebody",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
            guards.written_once("reviewed_by_id", "reviewed_at", "review_note"),
        )

    def __str__(self) -> str:
        return f"{self.get_check_type_display()}: {self.summary}"

    @property
    def made_about(self) -> tuple[UUID, ...]:
        """Under which ids the audit trail tells that it was made: its payment's, with the other answers about it."""
        return () if self.payment_id is None else (self.payment_id,)
