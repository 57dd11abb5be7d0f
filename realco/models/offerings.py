"""Offerings: what investors put money into, and between which amounts and days."""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from realco import guards
from realco.identifiers import new_id
from realco.models.organizations import Organization
from realco.money import MoneyField


class OfferingStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    OPEN = "OPEN", "Open"
    FUNDED = "FUNDED", "Funded"
    FAILED = "FAILED", "Failed"
    OPERATING = "OPERATING", "Operating"
    EXITED = "EXITED", "Exited"
    CANCELLED = "CANCELLED", "Cancelled"


class Exemption(models.TextChoices):
    REG_CF = "REG_CF", "Regulation CF"
    REG_D_506B = "REG_D_506B", "Regulation D 506(b)"
    REG_D_506C = "REG_D_506C", "Regulation D 506(c)"


TRANSITIONS = {
    OfferingStatus.DRAFT: (OfferingStatus.OPEN, OfferingStatus.CANCELLED),
    OfferingStatus.OPEN: (OfferingStatus.FUNDED, OfferingStatus.FAILED, OfferingStatus.CANCELLED),
    OfferingStatus.FUNDED: (OfferingStatus.OPERATING, OfferingStatus.EXITED),
    OfferingStatus.OPERATING: (OfferingStatus.EXITED,),
    OfferingStatus.FAILED: (),
    OfferingStatus.EXITED: (),
    OfferingStatus.CANCELLED: (),
}


class Offering(FSMModelMixin, models.Model):
    """
    A real-estate offering.

    ``deadline_at`` ends the raise: commitments after it are refused, and without the minimum the
    raise has failed: its money goes back by a refund run, which marks it FAILED at ``failed_at``.
    Amounts are in ``currency``; ``preferred_return_rate`` is a yearly fraction.
    """

    Status = OfferingStatus
    Exemption = Exemption

    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="offerings")
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.TextField(blank=True, default="")
    location = models.CharField(max_length=200, blank=True, default="")
    exemption = models.CharField(max_length=20, choices=Exemption, default=Exemption.REG_D_506B)
    status = FSMField(max_length=20, choices=OfferingStatus.choices, default=OfferingStatus.DRAFT, protected=True)
    currency = models.CharField(max_length=3, default="USD")
    minimum_amount = MoneyField()
    maximum_amount = MoneyField()
    minimum_investment = MoneyField()
    preferred_return_rate = models.DecimalField(max_digits=7, decimal_places=6, default="0.08")
    opened_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    funded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "offerings"
        ordering = ("name",)
        constraints = (
            guards.known_values("offerings", "status", OfferingStatus),
            guards.known_values("offerings", "exemption", Exemption),
            guards.known_values("offerings", "currency", ["USD"]),
            models.CheckConstraint(
                condition=models.Q(minimum_amount__gt=0)
                & models.Q(maximum_amount__gte=models.F("minimum_amount"))
                & models.Q(minimum_investment__gt=0),
                name="offerings_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="FAILED")
                | models.Q(failed_at__isnull=False, failed_at__gte=models.F("deadline_at")),
                name="offerings_failed_after_deadline",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("currency", "organization_id"),
            guards.immutable("id", name="keeps_its_id"),
            guards.legal_status(OfferingStatus.DRAFT, TRANSITIONS),
            guards.Guard("offering_terms_stand", name="terms_stand", when=guards.Before, operation=guards.Update),
            guards.written_once("failed_at"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_raising(self) -> bool:
        """Whether commitments may be made, as far as the status says (the deadline is the operation's to check)."""
        return self.status in (self.Status.OPEN, self.Status.FUNDED)

    @transition(field=status, source=guards.sources_of(TRANSITIONS, OfferingStatus.OPEN), target=OfferingStatus.OPEN)
    def mark_open(self, *, at: datetime) -> None:
        self.opened_at = at

    @transition(
        field=status, source=guards.sources_of(TRANSITIONS, OfferingStatus.FUNDED), target=OfferingStatus.FUNDED
    )
    def mark_funded(self, *, at: datetime) -> None:
        self.funded_at = at

    @transition(
        field=status, source=guards.sources_of(TRANSITIONS, OfferingStatus.FAILED), target=OfferingStatus.FAILED
    )
    def mark_failed(self, *, at: datetime) -> None:
        self.failed_at = at

    @transition(
        field=status, source=guards.sources_of(TRANSITIONS, OfferingStatus.OPERATING), target=OfferingStatus.OPERATING
    )
    def mark_operating(self) -> None:
        """The property is owned and earns."""

    @transition(
        field=status, source=guards.sources_of(TRANSITIONS, OfferingStatus.CANCELLED), target=OfferingStatus.CANCELLED
    )
    def mark_cancelled(self) -> None:
        """Withdrawn before it raised its minimum."""
