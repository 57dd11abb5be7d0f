"""
The sandbox bank's statement in the other formats that banks send: OFX, MT940, camt.053 and CSV.

Each says the same as the BAI2 file, under the same references, so that whoever connects RealCo to a bank
can try the format that their bank sends.
"""

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from finance.gateways.sandbox_accounts import ROUTING_NUMBER
from finance.gateways.sandbox_statements import Day, bank_reference, plain
from finance.models import SandboxStatementLine
from realco import money
from realco.business_days import BANKING_ZONE

CSV_LAYOUT: Mapping[str, Any] = {
    "columns": {
        "date": "Booking Date",
        "value_date": "Value Date",
        "debit": "Debit",
        "credit": "Credit",
        "balance": "Balance",
        "bank_reference": "Bank Reference",
        "customer_reference": "Your Reference",
        "type_code": "Type",
        "text": "Description",
        "account": "Account",
    },
    "date_format": "MM/DD/YYYY",
}
"""The layout by which the CSV file is read; it is saved as "Sandbox bank" when the sandbox is set up."""

_SHORT_REFERENCE, _LINE_LENGTH = 16, 65
_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
Written = Callable[[str, Sequence[Day], datetime], str]


def as_ofx(account: str, days: Sequence[Day], at: datetime) -> str:
    """Write the days as one statement in OFX 2, with the ledger balance at the end of the last."""
    first, last = (days[0].day, days[-1].day) if days else (at.date(), at.date())
    movements = "\n".join(_ofx_movement(day.day, line) for day in days for line in day.lines)
    closing = money.to_json(days[-1].closing if days else money.ZERO)
    return f"""\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<DTSERVER>{at.astimezone(BANKING_ZONE):%Y%m%d%H%M%S}</DTSERVER><LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<STMTRS><CURDEF>{money.CURRENCY}</CURDEF>
<BANKACCTFROM><BANKID>{ROUTING_NUMBER}</BANKID><ACCTID>{escape(account)}</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>
<BANKTRANLIST><DTSTART>{first:%Y%m%d}</DTSTART><DTEND>{last:%Y%m%d}235959</DTEND>
{movements}
</BANKTRANLIST>
<LEDGERBAL><BALAMT>{closing}</BALAMT><DTASOF>{last:%Y%m%d}235959</DTASOF></LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
"""


def as_mt940(account: str, days: Sequence[Day], at: datetime) -> str:
    """Write each day as a message of MT940."""
    made = at.astimezone(BANKING_ZONE)
    messages = []
    for number, day in enumerate(days, start=1):
        fields = [
            f":20:{made:%y%m%d%H%M%S}{number:04}",
            f":25:{account}",
            f":28C:{day.day:%j}/1",
            f":60F:{_mt940_balance(day.day, day.opening)}",
            *(field for line in day.lines for field in _mt940_movement(day.day, line)),
            f":62F:{_mt940_balance(day.day, day.closing)}",
            "-",
        ]
        messages.append("\r\n".join(fields))
    return "\r\n".join([*messages, ""])


def as_camt053(account: str, days: Sequence[Day], at: datetime) -> str:
    """Write each day as a statement in a camt.053.001.08 document."""
    made = at.astimezone(BANKING_ZONE)
    statements = "".join(_camt_statement(account, day, made) for day in days)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{_NAMESPACE}">\n<BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>{made:%Y%m%d%H%M%S}</MsgId><CreDtTm>{made.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>\n"
        f"{statements}</BkToCstmrStmt>\n</Document>\n"
    )


def as_csv(account: str, days: Sequence[Day], at: datetime) -> str:
    """Write one row for each movement, with the balance after it; ``CSV_LAYOUT`` reads it."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(title for title in CSV_LAYOUT["columns"].values())
    for day in days:
        balance = day.opening
        for line in day.lines:
            balance += line.amount
            sides = (f"{-line.amount:,.2f}", "") if line.amount < 0 else ("", f"{line.amount:,.2f}")
            rows.writerow(
                (
                    f"{day.day:%m/%d/%Y}", f"{line.value_date:%m/%d/%Y}", *sides, f"{balance:,.2f}",
                    bank_reference(line), line.reference, line.type_code, plain(line.text), account,
                )
            )  # fmt: skip
    return written.getvalue()


FORMATS: Mapping[str, Written] = {"ofx": as_ofx, "mt940": as_mt940, "camt053": as_camt053, "csv": as_csv}
"""How each format but BAI2 is written."""


def _ofx_movement(booked: date, line: SandboxStatementLine) -> str:
    return (
        f"<STMTTRN><TRNTYPE>{'CREDIT' if line.amount > 0 else 'DEBIT'}</TRNTYPE>"
        f"<DTPOSTED>{booked:%Y%m%d}120000</DTPOSTED>"
        f"<TRNAMT>{money.to_json(line.amount)}</TRNAMT><FITID>{bank_reference(line)}</FITID>"
        f"<REFNUM>{escape(line.reference)}</REFNUM><MEMO>{escape(plain(line.text))}</MEMO></STMTTRN>"
    )


def _mt940_balance(day: date, amount: Any) -> str:
    return f"{'D' if amount < 0 else 'C'}{day:%y%m%d}{money.CURRENCY}{_comma(amount)}"


def _mt940_movement(booked: date, line: SandboxStatementLine) -> list[str]:
    """Write a line and its details; a reference that is too long for the line stands in the details only."""
    fits = len(line.reference) <= _SHORT_REFERENCE
    mark = "C" if line.amount > 0 else "D"
    return [
        f":61:{line.value_date:%y%m%d}{booked:%m%d}{mark}{_comma(line.amount)}NTRF"
        f"{line.reference if fits else 'NONREF'}//{bank_reference(line)}",
        *textwrap.wrap(f":86:/EREF/{line.reference}/REMI/{plain(line.text)}", _LINE_LENGTH),
    ]


def _comma(amount: Any) -> str:
    return money.to_json(abs(amount)).replace(".", ",")


def _camt_statement(account: str, day: Day, made: datetime) -> str:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_camt_amount(amount)}<Dt><Dt>{day.day}</Dt></Dt></Bal>\n"
        for code, amount in (("OPBD", day.opening), ("CLBD", day.closing))
    )
    entries = "".join(_camt_entry(day.day, line) for line in day.lines)
    return (
        f"<Stmt><Id>{day.day:%Y%m%d}</Id><CreDtTm>{made.isoformat(timespec='seconds')}</CreDtTm>\n"
        f"<Acct><Id><Othr><Id>{escape(account)}</Id></Othr></Id><Ccy>{money.CURRENCY}</Ccy></Acct>\n"
        f"{balances}{entries}</Stmt>\n"
    )


def _camt_entry(booked: date, line: SandboxStatementLine) -> str:
    return (
        f"<Ntry>{_camt_amount(line.amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{booked}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.value_date}</Dt></ValDt><AcctSvcrRef>{bank_reference(line)}</AcctSvcrRef>"
        f"<BkTxCd><Prtry><Cd>{line.type_code}</Cd></Prtry></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{escape(line.reference)}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{escape(plain(line.text))}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _camt_amount(amount: Any) -> str:
    direction = "DBIT" if amount < 0 else "CRDT"
    return f'<Amt Ccy="{money.CURRENCY}">{money.to_json(abs(amount))}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
