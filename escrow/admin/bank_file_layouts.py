"""Staff pages of the layouts of banks' CSV files: what was saved, and adding one after seeing what it reads."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from escrow.bank_files import csv_files, csv_layouts
from escrow.bank_files.csv_layouts import CsvLayout
from escrow.bank_files.stated import BrokenStatement
from escrow.models import BankFileLayout
from escrow.operations import bank_file_layouts
from realco import permissions
from realco.admin_pages import Table, link_column, moment_column, shown_money
from realco.admin_steps import Order, StepForm, SteppedAdmin, Task
from realco.errors import Refusal
from realco.templatetags import figures

_PLAIN: tuple[str, ...] = (
    "delimiter", "encoding", "skip_rows", "has_header", "skip_last_rows", "date_format", "decimal", "thousands",
    "newest_first", "is_negated", "account_number",
)  # fmt: skip
_WORDS = ("credit_words", "debit_words")
SAMPLE, ROWS, RAW_ROWS = 65536, 10, 6
COLUMNS = {
    "date": (
        "Date column",
        "The day the bank booked it. A column's title, or its number where there is no header row.",
    ),
    "value_date": ("Value date column", "The day from which it counts, if the bank says so apart."),
    "amount": ("Amount column", "One column with a sign, or with an indicator beside it. Or else:"),
    "debit": ("Debit column", "Money that went out, without a sign."),
    "credit": ("Credit column", "Money that came in, without a sign."),
    "indicator": ("Indicator column", "Says of an amount without a sign whether it came in or went out."),
    "balance": ("Balance column", "The balance after each row: with it, a row that is missing is noticed."),
    "bank_reference": ("Bank reference column", "The bank's own name for the movement."),
    "customer_reference": ("Our reference column", "The name under which we sent or announced it."),
    "text": ("Text columns", "One title or number on each line."),
    "type_code": ("Type column", "The bank's kind of movement."),
    "account": ("Account column", "The account number, where one file is about several."),
    "currency": ("Currency column", "Every row has to say USD there."),
}
LABELS = {
    "\t": "Tab", ",": "Comma ,", ";": "Semicolon ;",
    "|": "Bar |", ".": "Point .", " ": "Blank", "'": "Apostrophe '",
}  # fmt: skip


def _choices(values: tuple[str, ...], none: str = "") -> list[tuple[str, str]]:
    return [(value, (none if not value and none else LABELS.get(value, value))) for value in values]


class LayoutForm(StepForm):
    """A layout with a sample to try it on; it is saved once its reading of the sample has been seen."""

    button = "Show what it reads"

    name = forms.CharField(max_length=100, help_text="Chosen by it at the import. A name that there is gets a version.")
    bank_name = forms.CharField(label="Bank", max_length=100)
    sample = forms.FileField(
        label="A sample file",
        required=False,
        help_text="A file from the bank. Its first rows are read; nothing is kept.",
    )
    delimiter = forms.ChoiceField(label="Between columns", choices=_choices(csv_layouts.DELIMITERS))
    encoding = forms.ChoiceField(label="Encoding", required=False, choices=_choices(csv_layouts.ENCODINGS, "Find out"))
    skip_rows = forms.IntegerField(
        label="Lines to pass over at the top", initial=0, min_value=0, max_value=csv_layouts.MOST_SKIPPED
    )
    has_header = forms.BooleanField(label="Then comes a row of titles", required=False, initial=True)
    skip_last_rows = forms.IntegerField(
        label="Rows to pass over at the end", initial=0, min_value=0, max_value=csv_layouts.MOST_SKIPPED,
        help_text="Such as a row of totals.",
    )  # fmt: skip
    date_format = forms.CharField(
        label="Dates are written", initial="MM/DD/YYYY", max_length=40,
        help_text="With YYYY or YY, MM, M or MMM (Jan), DD or D; hh, mm and ss are passed over.",
    )  # fmt: skip
    decimal = forms.ChoiceField(label="Before the cents", choices=_choices(csv_layouts.DECIMALS))
    thousands = forms.ChoiceField(
        label="Between thousands", required=False, choices=_choices(csv_layouts.THOUSANDS, "Nothing"), initial=","
    )
    newest_first = forms.BooleanField(label="The newest row comes first", required=False)
    is_negated = forms.BooleanField(label="The sign is the other way round (money out is positive)", required=False)
    account_number = forms.CharField(
        label="Account number", required=False, max_length=100, help_text="If every file by this layout is about one."
    )
    credit_words = forms.CharField(label="Words for money in", initial="C, CR, CREDIT", max_length=200, required=False)
    debit_words = forms.CharField(label="Words for money out", initial="D, DR, DEBIT", max_length=200, required=False)
    kept_sample = forms.CharField(widget=forms.HiddenInput, required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.data.get("kept_sample"):
            self._keep_sample()
        for name, (label, help_text) in COLUMNS.items():
            widget = forms.Textarea(attrs={"rows": 2}) if name in csv_layouts.MANY else forms.TextInput()
            self.fields[f"column_{name}"] = forms.CharField(
                label=label, help_text=help_text, required=name == "date", max_length=500, widget=widget
            )

    def is_valid(self) -> bool:
        """Whether the layout can be saved: it can be read with, and the person has seen how."""
        return super().is_valid() and bool(self.cleaned_data.get("was_seen"))

    def clean(self) -> dict[str, Any]:
        """Try the layout on the sample, and ask for one more look at what has changed since the last."""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            layout = csv_layouts.from_json(_contents(data))
            sample = self._sample(data)
            self.tables = [_raw_table(sample, layout)]
            self.tables = [_read_table(sample, layout), *self.tables]
        except Refusal as refusal:
            said = refusal.message.removesuffix(" Nothing was imported.")
            self.add_error("sample" if isinstance(refusal, BrokenStatement) else None, said)
            self._remember(kept_sample=base64.b64encode(self.sample_bytes).decode(), seen="")
            return data
        data["contents"] = csv_layouts.to_json(layout)
        seen = hashlib.sha256(json.dumps(data["contents"], sort_keys=True).encode() + sample).hexdigest()
        data["was_seen"] = data["seen"] == seen
        self._remember(kept_sample=base64.b64encode(sample).decode(), seen=seen)
        self.notice = "This is what the layout reads. Nothing is saved yet: compare it with the file, then save."
        self.button = "Save this layout"
        return data

    sample_bytes = b""

    def _sample(self, data: Mapping[str, Any]) -> bytes:
        """Return the beginning of the file that was sent now, or else with the last look."""
        if data["sample"] is not None:
            sent: bytes = data["sample"].read(SAMPLE + 1)
            self.sample_bytes = sent if len(sent) <= SAMPLE else sent[: sent.rfind(b"\n", 0, SAMPLE) + 1] or sent
        else:
            try:
                self.sample_bytes = base64.b64decode(data["kept_sample"], validate=True)
            except (binascii.Error, ValueError):
                self.sample_bytes = b""
        if not self.sample_bytes:
            raise BrokenStatement("Choose a sample file, so that you see what the layout reads.", line=0)
        return self.sample_bytes

    def _keep_sample(self) -> None:
        self.fields["sample"].required = False
        self.fields["sample"].help_text = "The sample of your last look is still here, unless you choose another."

    def _remember(self, **hidden: str) -> None:
        """Let the page carry what the next look needs."""
        self._keep_sample()
        self.data = {**{name: self.data[name] for name in self.data}, **hidden}


def _contents(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says as a layout is saved."""
    columns = {name: data[f"column_{name}"].strip() for name in csv_layouts.ONE}
    columns |= {
        name: [line.strip() for line in data[f"column_{name}"].splitlines() if line.strip()] for name in ("text",)
    }
    words = {name: [word.strip() for word in data[name].split(",") if word.strip()] for name in _WORDS}
    return {**{name: data[name] for name in _PLAIN}, "columns": columns, **words}


def _raw_table(sample: bytes, layout: CsvLayout) -> Table:
    rows = csv_files.first_cells(sample, layout, most=RAW_ROWS)
    width = max((len(cells) for _, cells in rows), default=0)
    return Table(
        "The sample's first rows as they are",
        ["Line", *map(str, range(1, width + 1))],
        [[line, *cells, *[""] * (width - len(cells))] for line, cells in rows],
        "There are none.",
    )


def _read_table(sample: bytes, layout: CsvLayout) -> Table:
    rows = csv_files.preview(sample, layout, most=ROWS).rows
    titles = ["Line", "Booked", "Value", "Amount", "Balance", "Bank reference", "Our reference", "Text"]
    return Table(
        "What the layout reads",
        titles,
        [
            [
                line, _shown_day(stated.booked), _shown_day(stated.value_date), shown_money(stated.amount),
                "–" if balance is None else shown_money(balance), stated.bank_reference or "–",
                stated.customer_reference or "–", stated.text or "–",
            ]
            for line, stated, balance in rows
        ],
    )  # fmt: skip


def _shown_day(day: date | None) -> SafeString:
    return format_html('<span class="day">{}</span>', figures.day(day))


def _add(order: Order) -> object:
    return bank_file_layouts.add(
        order.data["name"],
        bank_name=order.data["bank_name"],
        contents=order.data["contents"],
        by=order.by,
        at=order.at,
    )


ADD = Task(
    name="add",
    label="Add a layout",
    permission=permissions.RECONCILE,
    act=_add,
    explains="How one bank writes its CSV files. You see what it reads in a sample before it is saved; it is never "
    "changed afterwards, only followed by its next version.",
    done=lambda layout: f"{layout} is saved and can be chosen at the import.",
    form=LayoutForm,
)


@admin.register(BankFileLayout)
class BankFileLayoutAdmin(SteppedAdmin):
    """How each bank writes its CSV files, every version."""

    list_display = (
        "name",
        "version",
        "bank_name",
        link_column("created_by", "by"),
        moment_column("created_at", "saved"),
    )
    list_select_related = ("created_by",)
    search_fields = ("id", "name", "bank_name")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name", "version", "bank_name", link_column("created_by", "by"),
                    moment_column("created_at", "saved"), "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (ADD,)

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        address = reverse("admin:escrow_bankfilelayout_task", args=["add"])
        return [("Make the next version", f"{address}?{urlencode(_initial(row))}")]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        columns = [[COLUMNS[name][0], ", ".join(row.contents["columns"].get(name, []))] for name in COLUMNS]
        labels = LayoutForm.base_fields
        settings = [[labels[name].label or name, _said(row.contents[name])] for name in (*_PLAIN, *_WORDS)]
        return [
            Table("Columns", ["What", "Column"], [cells for cells in columns if cells[1]]),
            Table("How they are written", ["What", "Setting"], settings),
        ]


def _initial(layout: BankFileLayout) -> dict[str, str]:
    """Return a layout as the form begins with it."""
    given = {name: value for name, value in layout.contents.items() if name not in ("columns", *_WORDS)}
    given |= {name: ", ".join(layout.contents[name]) for name in _WORDS}
    given |= {f"column_{name}": "\n".join(titles) for name, titles in layout.contents["columns"].items()}
    given |= {"name": layout.name, "bank_name": layout.bank_name}
    # What is not ticked has to be given as nothing, or the box would begin as it does in a new layout.
    return {name: str(value) if value is not False else "" for name, value in given.items()}


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return LABELS.get(str(value), str(value)) or "–"
