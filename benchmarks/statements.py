"""
Importing a bank's file of many lines, from bytes to rows, in BAI2 and camt.053.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/statements.py [--lines 100000]

The BAI2 file is the sandbox bank's, written by the library that banks' files are read with; the camt.053
file is written by hand. Exit code 1: lines are missing, or a file took longer than a minute. The
database must be migrated and is left with the rows; use one of your own.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

from escrow.bank_files import reading
from escrow.models import BankStatementLine
from escrow.operations import statements
from finance.gateways import sandbox_statements
from finance.models import SandboxStatementLine
from realco import clock
from realco.business_days import banking_date
from tests import factories
from tests.finance import sandbox_stage as stage

MOST_SECONDS = 60
DAYS = 60
ENTRY = """\
<Ntry><NtryRef>{number}</NtryRef><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>B{number}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>SBX-{number}</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>Investor {number}</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>Deposit</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"""
BALANCE = """\
<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{day}</Dt></Dt></Bal>
"""


def main() -> int:
    """Write both files, import them, and say whether every line came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    at = stage.begin()
    factories.make_reference_data(at)
    operator = factories.make_user("Olivia Operator", "Operations", is_staff=True)
    first = banking_date(at) - timedelta(days=DAYS)
    stated = [(first + timedelta(days=n * DAYS // asked.lines), Decimal(500 + n % 9973)) for n in range(asked.lines)]
    print(f"{asked.lines:,} lines, load average {os.getloadavg()[0]:.2f}")
    ended = 0
    for name in ("BAI2", "camt.053"):
        offering = factories.make_offering(operator=operator, at=at, name=name)
        escrow = factories.make_escrow(offering, operator=operator, at=at)
        write = bai2 if name == "BAI2" else camt053
        data = write(escrow.external_account_id, stated, today=banking_date(at))
        began, worked = time.perf_counter(), time.process_time()
        reading.read(data, file_format=None, layout=None)
        read = time.perf_counter() - began
        began, worked = time.perf_counter(), time.process_time()
        statements.import_file(data, file_name=name, by=operator, at=clock.now())
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        stored = BankStatementLine.objects.filter(escrow_account=escrow).count()
        print(f"{name}: {len(data) / 1e6:.1f} MB, {stored:,} rows in {seconds:.1f} s ({cpu:.1f} s of CPU here), of "
              f"which reading {read:.1f} s")  # fmt: skip
        ended |= int(seconds > MOST_SECONDS or stored != asked.lines)
    return ended


def bai2(account: str, stated: list[tuple[date, Decimal]], *, today: date) -> bytes:
    """Let the sandbox bank write its file."""
    SandboxStatementLine.objects.bulk_create(
        [
            SandboxStatementLine(
                external_account_id=account, value_date=day, amount=amount, type_code="142",
                reference=f"SBX-{number}", text=f"ACH CREDIT INVESTOR {number}",
            )
            for number, (day, amount) in enumerate(stated)
        ],
        batch_size=5000,
    )  # fmt: skip
    return sandbox_statements.render(account, start=stated[0][0], end=today, at=clock.now())


def camt053(account: str, stated: list[tuple[date, Decimal]], *, today: date) -> bytes:
    """Write a statement a day."""
    return "".join(_camt053(account, stated)).encode()


def _camt053(account: str, stated: list[tuple[date, Decimal]]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n'
    yield "<BkToCstmrStmt>\n<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-04T06:00:00-05:00</CreDtTm></GrpHdr>\n"
    opening, numbered = Decimal(0), list(enumerate(stated))
    for day in sorted({day for day, _ in stated}):
        lines = [(number, amount) for number, (on, amount) in numbered if on == day]
        closing = opening + sum(amount for _, amount in lines)
        yield f"<Stmt><Id>S{day:%Y%m%d}</Id>\n<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>USD</Ccy></Acct>\n"
        yield BALANCE.format(code="OPBD", amount=opening, day=day)
        yield BALANCE.format(code="CLBD", amount=closing, day=day)
        for number, amount in lines:
            yield ENTRY.format(number=number, amount=amount, day=day)
        yield "</Stmt>\n"
        opening = closing
    yield "</BkToCstmrStmt>\n</Document>\n"


if __name__ == "__main__":
    sys.exit(main())
