"""Staff pages of proof snapshots: what was signed, both sides of each equality, and an investor's own proof."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from escrow import merkle, proof_files
from escrow.models import LedgerAccount, ProofSnapshot
from escrow.queries import proofs
from escrow.queries.proofs import NotInProof
from realco.admin_pages import Table, link, link_column, moment_column, money_column, shown_money, text_column
from realco.admin_steps import SteppedAdmin
from realco.models import User
from realco.money import format_money

_READ = ("current", "available", "pending", "held", *merkle.KINDS)


@admin.display(description="proof")
def _proof(snapshot: Any) -> Any:
    return link(snapshot, f"{snapshot.as_of_date}" + (f" no. {snapshot.revision}" if snapshot.revision > 1 else ""))


@admin.display(description="books agreed")
def _agreed(snapshot: Any) -> str:
    return "Yes" if snapshot.is_balanced else "NO"


@admin.register(ProofSnapshot)
class ProofSnapshotAdmin(SteppedAdmin):
    """Signed proofs, the last first."""

    list_display = (
        _proof, link_column("escrow_account"), _agreed, "investor_count", money_column("total", "owed to investors"),
        moment_column("created_at", "taken"), text_column("key_id", "key"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("is_balanced", "escrow_account")
    list_select_related = ("escrow_account",)
    search_fields = ("id", "escrow_account__account_number", "content_hash")
    search_help_text = "An id, an escrow account's number, or a content hash."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), "as_of_date", "revision", "sequence",
                    link_column("reconciliation"), moment_column("created_at", "taken"), _agreed, "investor_count",
                    money_column("total", "owed to investors"), "merkle_root", "previous_hash", "content_hash",
                    "key_id", "signature", "id",
                )
            },
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("escrow_account", "reconciliation")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("investor/", guarded(self.investor_view), name="escrow_proofsnapshot_investor"),
            path(
                "<uuid:row_id>/investor/<uuid:user_id>/",
                guarded(self.file_view),
                name="escrow_proofsnapshot_file",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        pages = [("Give an investor their proof", reverse("admin:escrow_proofsnapshot_investor"))]
        return super().changelist_view(request, {"pages": pages, **(extra_context or {})})

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Give an investor their proof", reverse("admin:escrow_proofsnapshot_investor"))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        equalities = [
            [
                _sentence(proof_files.EQUALITIES.get(item["name"], item["name"])),
                _side(item["left"]),
                _side(item["right"]),
                "Holds" if item["holds"] else "DOES NOT HOLD",
            ]
            for item in row.equalities
        ]
        by_kind = row.figures["by_kind"]
        sheet = [
            [label, shown_money(Decimal(by_kind[kind]))]
            for kind, label in LedgerAccount.Kind.choices
            if kind in by_kind
        ]
        return [
            Table("What was compared", ["Equality", "Left side", "Right side", ""], equalities),
            Table("Balance sheet, summed from all entries", ["Ledger accounts", "Amount"], sheet),
        ]

    def investor_view(self, request: HttpRequest) -> HttpResponse:
        """List the last proof of each escrow account in which a person has money, to be handed to them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        sought = request.GET.get("person", "").strip()
        person = _person(sought)
        rows = list(proofs.of_investor(person)) if person is not None else []
        return self.page(
            request,
            "admin/staff/investor_proofs.html",
            title=f"Proofs of balance: {person}" if person else "Give an investor their proof",
            sought=person.email if person is not None else sought,
            person=person,
            is_unknown=bool(sought) and person is None,
            statement=reverse("admin:escrow_ledgeraccount_investor", args=[person.pk]) if person is not None else "",
            table=Table(
                "The last proof of each account",
                ["Escrow account", "Offering", "Proof of", "Books agreed", "File"],
                [[link(row.escrow_account), str(row.escrow_account.offering), _proof(row), _agreed(row),
                  _download(row, person)] for row in rows],
                "This person has no money in an account that was reconciled.",
            ) if person is not None else None,
        )  # fmt: skip

    def file_view(self, request: HttpRequest, row_id: UUID, user_id: UUID) -> HttpResponse:
        """Answer with an investor's proof as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        snapshot = self.get_queryset(request).filter(pk=row_id).first()
        person = User.objects.filter(pk=user_id).first()
        if snapshot is None or person is None:
            raise Http404("There is no such proof.")
        try:
            content = proofs.file_for(snapshot, person)
        except NotInProof as refusal:
            raise Http404(str(refusal)) from refusal
        return HttpResponse(
            proof_files.text_of(content),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{proofs.file_name(snapshot)}"'},
        )


def _download(snapshot: ProofSnapshot, person: User | None) -> Any:
    assert person is not None
    address = reverse("admin:escrow_proofsnapshot_file", args=[snapshot.pk, person.pk])
    return format_html('<a href="{}" download>Download</a>', address)


def _person(text: str) -> User | None:
    """Find a person by id or e-mail address."""
    try:
        return User.objects.filter(pk=UUID(text)).first()
    except (ValueError, ValidationError):
        return User.objects.filter(email=text.lower()).first() if text else None


def _side(side: Any) -> str:
    """Write one side of an equality; of several amounts in the order in which people read them."""
    if isinstance(side, dict):
        names = sorted(side, key=lambda name: _READ.index(name) if name in _READ else len(_READ))
        return ", ".join(f"{name.lower()} {format_money(Decimal(side[name]))}" for name in names)
    return format_money(Decimal(side))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
