"""
Attempts to cheat by raw SQL, by name: how each is written, and the SQLSTATE that refuses it.

They are written as somebody with the application's own password would. ``%(name)s`` stands for what the
world of ``test_cheats`` calls so.
"""

from collections.abc import Mapping

from tests.escrow.cheating import (
    ANEW,
    CLAIM,
    FEE,
    RECEIPT,
    book,
    charge,
    claim,
    of,
    post,
    proposed,
    raw_closing,
    received,
    release,
    reverse,
    settle,
    stated,
    undo,
)  # fmt: skip

GUARD, CHECK, UNIQUE, DENIED = "23001", "23514", "23505", "42501"
REUSED, UNBALANCED, STATE = "RC002", "RC003", "RC004"
SHAPE, GATE, HOLD, CLOSE, UNAPPROVED, TOO_MUCH = "RC005", "RC006", "RC007", "RC008", "RC010", "RC011"
UNACCOUNTED = "RC013"


SIGN = (
    "INSERT INTO closing_approvals (id, closing_id, approver_id, content_hash, signed_at, created_at)"
    " SELECT gen_random_uuid(), id, {who}, {hash}, %(at)s, now() FROM closings WHERE id = %(closing)s;"
)
SECOND = SIGN.format(who="%(second)s", hash="content_hash")
EXECUTE = (
    "UPDATE closings SET status = 'EXECUTED', approved_by_id = %(second)s, executed_at = %(at)s WHERE id = %(closing)s;"
)
FUND = (
    "UPDATE investments SET status = 'ACTIVE', funded_at = %(at)s, funded_amount = r.amount, current_balance = r.amount"
    " FROM (VALUES (%(ann)s::uuid, 1000.00), (%(ben)s::uuid, 400.00)) r (investor, amount)"
    " WHERE investor_id = r.investor AND offering_id = %(offering)s;"
)
SETTLE = settle(ann="1000", ben="400")
HONEST = SECOND + EXECUTE + SETTLE
AS_APPLICATION = "CREATE ROLE cheat; SET ROLE cheat;"

LEDGER = {
    "money from nowhere": (UNBALANCED, post("INBOUND_SETTLED", "'x'", ("BANK", "", "5"), ("CLEARING", "", "-4"))),
    "a balance raised by hand": (GUARD, "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'INVESTOR'"),
    "a sequence number skipped": (
        UNBALANCED,
        "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object('id',"
        " gen_random_uuid(), 'sequence', e.sequence + 2, 'balance_before', e.balance_after, 'balance_after',"
        " e.balance_after + 5, 'amount', -5))).* FROM escrow_ledger_entries e JOIN ledger_accounts a"
        " ON a.id = e.ledger_account_id WHERE a.owner_id = %(ann)s AND a.kind = 'INVESTOR' LIMIT 1",
    ),
    "an entry deleted": (GUARD, "DELETE FROM escrow_ledger_entries"),
    "an entry made larger": (GUARD, "UPDATE escrow_ledger_entries SET amount = amount * 2"),
    "the ledger truncated": (GUARD, "TRUNCATE escrow_ledger_entries CASCADE"),
    "a journal entry put on another day": (GUARD, "UPDATE journal_entries SET effective_date = '2020-01-01'"),
    "a journal entry deleted": (GUARD, "DELETE FROM journal_entries"),
    "more paid out than there is": (
        CHECK,
        post("RESERVE", "'x'", ("INVESTOR", "ann", "1200.01"), ("PAYOUTS", "", "-1200.01"), entry_type="WITHDRAWAL"),
    ),
    "one reference for two things": (
        REUSED,
        post("INBOUND_SETTLED", "'SBX-Ann:settled'", ("BANK", "", "5"), ("CLEARING", "", "-5")),
    ),
    "a stored balance of the account": (
        GUARD,
        "UPDATE escrow_accounts SET available_balance = available_balance + 5, current_balance = current_balance + 5",
    ),
    "one entry in two escrow accounts": (
        UNBALANCED,
        stated("5")
        + "INSERT INTO ledger_accounts (id, escrow_account_id, kind, currency, balance, entry_count, created_at)"
        " VALUES (%(forged)s, %(other)s, 'SUSPENSE', 'USD', 0, 0, now());"
        "WITH suspense AS (UPDATE ledger_accounts SET balance = 5, entry_count = 1 WHERE id = %(forged)s),"
        " bank AS (UPDATE ledger_accounts SET balance = balance + 5, entry_count = entry_count + 1"
        " WHERE escrow_account_id = %(escrow)s AND kind = 'BANK' RETURNING id, 5, balance, entry_count),"
        " journal AS (INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
        f"'id', %(forged)s, 'reference', {RECEIPT}, 'event', 'UNKNOWN_RECEIPT', 'transaction_id', NULL))).*"
        " FROM journal_entries j WHERE reference = 'SBX-Ann:settled')"
        " INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
        f"'id', gen_random_uuid(), 'journal_entry_id', %(forged)s, 'ledger_account_id', l.account,"
        f" 'reference', {RECEIPT}, 'transaction_id', NULL, 'sequence', l.sequence, 'amount', l.amount,"
        " 'balance_before', l.after - 5, 'balance_after', l.after))).*"
        " FROM escrow_ledger_entries e, (TABLE bank UNION ALL SELECT %(forged)s, -5, 5, 1)"
        " l (account, amount, after, sequence)"
        " WHERE e.reference = 'SBX-Ann:settled' AND e.amount > 0",
    ),
}
SHAPES = {
    "money reserved without a payment": (
        SHAPE,
        post("RESERVE", "'x'", ("INVESTOR", "ann", "100"), ("PAYOUTS", "", "-100"), entry_type="WITHDRAWAL"),
    ),
    "released by way of a reservation": (
        SHAPE,
        post("RESERVE", "'x'", ("INVESTOR", "ann", "1000"), ("PAYOUTS", "", "-1000"), entry_type="WITHDRAWAL")
        + post("UNRESERVE", "'y'", ("PAYOUTS", "", "1000"), ("OFFERING", "", "-1000"), entry_type="WITHDRAWAL"),
    ),
    "one investor's money given to another by way of a reservation": (
        SHAPE,
        post("RESERVE", "'x'", ("INVESTOR", "ann", "1000"), ("PAYOUTS", "", "-1000"), entry_type="WITHDRAWAL")
        + post("UNRESERVE", "'y'", ("PAYOUTS", "", "1000"), ("INVESTOR", "ben", "-1000"), entry_type="WITHDRAWAL"),
    ),
    "an investor's money given to the platform as a fee": (
        SHAPE,
        post("INBOUND_CLEARED", "'x'", ("INVESTOR", "ann", "1000"), ("FEES", "", "-1000")),
    ),
    "an investor's money given to another as a deposit": (
        SHAPE,
        post("INBOUND_CLEARED", "'x'", ("INVESTOR", "ann", "1000"), ("INVESTOR", "ben", "-1000")),
    ),
    "paid out without a reservation": (
        SHAPE,
        post("OUTBOUND_SETTLED", "'x'", ("INVESTOR", "ann", "5"), ("BANK", "", "-5"), entry_type="WITHDRAWAL"),
    ),
    "the bank account written down against an investor": (
        SHAPE,
        post("RETURN_AFTER_CLEARING", "'x'", ("INVESTOR", "ann", "5"), ("BANK", "", "-5")),
    ),
    "a receipt that never arrived": (
        SHAPE,
        post("RECEIPT_CLAIMED", "'x'", ("BANK", "", "5"), ("INVESTOR", "ann", "-5")),
    ),
    "a receivable wiped out by another's money": (
        SHAPE,
        post("RECEIPT_CLAIMED", "'x'", ("INVESTOR", "ben", "5"), ("RECEIVABLE", "ann", "-5")),
    ),
    "a reversal that is no mirror": (SHAPE, reverse(("INVESTOR", "ann", "9"), ("INVESTOR", "ben", "-9"))),
    "a reversal of nothing": (
        UNAPPROVED,
        post("REVERSAL", "'x'", ("INVESTOR", "ann", "5"), ("INVESTOR", "ben", "-5")),
    ),
}
CLAIMED = proposed("RECEIPT_CLAIM", "9", who="ann")
BANK_SAYS = {
    "a receipt that no bank states": (UNACCOUNTED, book("9", "'x'")),
    "a receipt of a line that is not there": (UNACCOUNTED, book("9")),
    "a receipt greater than its bank line": (UNACCOUNTED, stated("9") + book("9.01")),
    "a receipt of another account's bank line": (UNACCOUNTED, stated("9", "other") + book("9")),
    "a receipt booked twice": (UNACCOUNTED, received() + book("9", f"{RECEIPT} || ':again-1'")),
    "money that left booked as a receipt": (UNACCOUNTED, stated("-9") + book("9")),
    "a claim that nobody proposed": (UNACCOUNTED, received() + claim("ann", "9")),
    "a claim under no proposal's name": (UNACCOUNTED, received() + CLAIMED + claim("ann", "9", "'x'")),
    "a claim that nobody signed": (
        UNACCOUNTED,
        received() + proposed("RECEIPT_CLAIM", "9", who="ann", signer="") + claim("ann", "9"),
    ),
    "a claim signed by its proposer": (
        CHECK,
        received() + proposed("RECEIPT_CLAIM", "9", who="ann", signer="operator") + claim("ann", "9"),
    ),
    "a claim for somebody else": (UNACCOUNTED, received() + CLAIMED + claim("ben", "9")),
    "a claim of more than was signed": (
        UNACCOUNTED,
        received() + proposed("RECEIPT_CLAIM", "5", who="ann") + claim("ann", "9"),
    ),
    "a claim of a receipt that was never booked": (
        CHECK,
        stated("9") + CLAIMED + claim("ann", "9"),
    ),
    "a claim signed once and made twice": (
        UNACCOUNTED,
        received("18") + CLAIMED + claim("ann", "9") + claim("ann", "9", f"{CLAIM} || ':again-1'"),
    ),
    "a receipt taken back after it was given away": (
        CHECK,
        received() + CLAIMED + claim("ann", "9") + undo(("SUSPENSE", "", "9"), ("BANK", "", "-9")),
    ),
    "a bank fee that nobody proposed": (UNACCOUNTED, stated("-9") + charge("FEES", "9")),
    "a bank fee that nobody signed": (
        UNACCOUNTED,
        stated("-9") + proposed("BANK_FEE", "9", source="FEES", signer="") + charge("FEES", "9"),
    ),
    "a bank fee greater than the bank took": (
        UNACCOUNTED,
        stated("-9") + proposed("BANK_FEE", "10", source="FEES") + charge("FEES", "10"),
    ),
    "a bank fee borne by another than was signed": (
        UNACCOUNTED,
        HONEST + stated("-9") + proposed("BANK_FEE", "9", source="FEES") + charge("OFFERING", "9"),
    ),
    "a bank fee taken twice": (
        UNACCOUNTED,
        stated("-9")
        + proposed("BANK_FEE", "9", source="FEES")
        + charge("FEES", "9")
        + charge("FEES", "9", f"{FEE} || ':2'"),
    ),
    "a bank fee borne by an investor": (
        SHAPE,
        stated("-9") + proposed("BANK_FEE", "9", source="FEES") + charge("INVESTOR", "9"),
    ),
}
RELEASES = {
    "released without a closing": (GATE, release("ann", "1000", "'x'")),
    "released by a closing that was only proposed": (GATE, release("ann", "1000")),
    "released as a deposit of the sponsor's": (
        GATE,
        post("INBOUND_CLEARED", "'x'", ("INVESTOR", "ann", "1000"), ("OFFERING", "", "-1000")),
    ),
    "released as a reservation": (
        GATE,
        post("RESERVE", "'x'", ("INVESTOR", "ann", "9"), ("OFFERING", "", "-9"), entry_type="REFUND"),
    ),
    "released as a reversal": (GATE, reverse(("INVESTOR", "ann", "9"), ("OFFERING", "", "-9"))),
    "released to the platform's fees": (
        GATE,
        SECOND
        + EXECUTE
        + post(
            "RELEASE", "'closing:' || %(closing)s || ':' || %(ann)s", ("INVESTOR", "ann", "1000"), ("FEES", "", "-1000")
        ),
    ),
    "released more than was signed": (GATE, SECOND + EXECUTE + release("ann", "1200")),
    "released less than was signed": (GATE, SECOND + EXECUTE + FUND + release("ann", "999") + release("ben", "400")),
    "released one investor and not the other": (GATE, SECOND + EXECUTE + FUND + release("ann", "1000")),
    "released twice": (GATE, HONEST + release("ann", "200", "'closing:' || %(closing)s || ':' || %(ann)s || ':2'")),
    "released one investor's money under another's name": (
        GATE,
        SECOND
        + EXECUTE
        + post(
            "RELEASE",
            "'closing:' || %(closing)s || ':' || %(ben)s",
            ("INVESTOR", "ann", "400"),
            ("OFFERING", "", "-400"),
        ),
    ),
    "released in four lines": (
        GATE,
        SECOND
        + EXECUTE
        + post(
            "RELEASE",
            "'closing:' || %(closing)s || ':' || %(ben)s",
            ("INVESTOR", "ben", "200"),
            ("OFFERING", "", "-200"),
            ("INVESTOR", "ben", "200"),
            ("OFFERING", "", "-200"),
        ),
    ),
    "released somebody who is not in the closing": (GATE, SECOND + EXECUTE + release("dan", "500")),
    "released into another escrow account": (
        GATE,
        SECOND
        + EXECUTE
        + post(
            "RELEASE",
            "'closing:' || %(closing)s || ':' || %(cat)s",
            ("INVESTOR", "cat", "50"),
            ("OFFERING", "", "-50"),
            escrow="other",
        ),
    ),
    "released by way of a hold": (
        HOLD,
        "UPDATE holds SET released_amount = 100, status = 'RELEASED', ended_at = %(at)s;"
        + post(
            "HOLD_RELEASED",
            "'hold:' || %(hold)s || ':released:100.00'",
            ("HELD", "ben", "100"),
            ("OFFERING", "", "-100"),
        ),
    ),
}
CLOSINGS = {
    "signed by its proposer": (GATE, SIGN.format(who="%(operator)s", hash="content_hash")),
    "signed twice by one approver": (UNIQUE, SIGN.format(who="%(approver)s", hash="content_hash")),
    "a signature over other figures": (GATE, SIGN.format(who="%(second)s", hash="repeat('0', 64)")),
    "a signature made before the proposal": (
        GATE,
        SECOND.replace("%(at)s", "%(at)s::timestamptz - interval '1 minute'"),
    ),
    "a signature deleted": (GUARD, "DELETE FROM closing_approvals"),
    "a signature given to somebody else": (GUARD, "UPDATE closing_approvals SET approver_id = %(second)s"),
    "executed with one signature": (GATE, EXECUTE.replace("%(second)s", "%(approver)s") + SETTLE),
    "executed in the name of somebody who did not sign": (
        GATE,
        SECOND + EXECUTE.replace("%(second)s", "%(cat)s") + SETTLE,
    ),
    "executed, and nothing released": (GATE, SECOND + EXECUTE),
    "released, and no investment funded": (GATE, SECOND + EXECUTE + release("ann", "1000") + release("ben", "400")),
    "executed before it was signed": (
        GATE,
        SECOND + EXECUTE.replace("%(at)s", "%(at)s::timestamptz - interval '1 second'") + SETTLE,
    ),
    "executed after the deadline": (
        GATE,
        SECOND + EXECUTE.replace("%(at)s", "%(at)s::timestamptz + interval '48 hours'") + SETTLE,
    ),
    "closed while investors may cancel": (
        GATE,
        raw_closing("%(at)s::timestamptz - interval '1 second'", ann="1000.00"),
    ),
    "closed below the minimum": (GATE, raw_closing(ann="999.99")),
    "closed with more than has cleared": (GATE, raw_closing(ann="1000.00", ben="400.01")),
    "closed with more than was committed": (GATE, raw_closing(ann="1200.00")),
    "closed with somebody who committed nothing here": (GATE, raw_closing(ann="1000.00", cat="1.00")),
    "closed with negative figures": (GATE, raw_closing(ann="1000.00", ben="-1.00")),
    "a total that is not the sum": (
        GATE,
        ANEW + "INSERT INTO closings SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),"
        " 'status', 'PROPOSED', 'cancelled_at', NULL, 'total_amount', 5))).* FROM closings c",
    ),
    "a hash that is not that of the figures": (
        GATE,
        ANEW + "INSERT INTO closings SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),"
        " 'status', 'PROPOSED', 'cancelled_at', NULL, 'content_hash', repeat('0', 64)))).* FROM closings c",
    ),
    "born executed": (
        GUARD,
        "INSERT INTO closings SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'status',"
        " 'EXECUTED', 'approved_by_id', %(second)s::text, 'executed_at', now()))).* FROM closings c",
    ),
    "signed figures edited": (GUARD, "UPDATE closings SET " + f"figures = {of(ann='1000.00')}, total_amount = 1000"),
    "a proposal backdated": (GUARD, "UPDATE closings SET proposed_at = proposed_at - interval '1 day'"),
    "executed and proposed again": (GUARD, HONEST + "UPDATE closings SET status = 'PROPOSED'"),
    "executed at another time": (GUARD, HONEST + "UPDATE closings SET executed_at = now()"),
    "an executed_at far from the clock": (GATE, SECOND + "DELETE FROM sandbox_clock;" + EXECUTE + SETTLE),
    "closed from a frozen account": (
        GATE,
        SECOND + "UPDATE escrow_accounts SET status = 'FROZEN', frozen_reason = 'x', frozen_at = now(),"
        ' metadata = \'{"frozen_from": "ACTIVE"}\' WHERE id = %(escrow)s;' + EXECUTE + SETTLE,
    ),
    "closed on books that do not reconcile": (
        GATE,
        SECOND + "INSERT INTO reconciliations (id, escrow_account_id, as_of_date, result, bank_balance, book_balance,"
        " assets, liabilities, matched_lines, unmatched_lines, unmatched_entries, aging, aged_items, findings,"
        " created_at) SELECT gen_random_uuid(), %(escrow)s, current_date, 'MISMATCHED', 0, 1, 1, 1, 0, 0, 1, '{}', 0,"
        " '[]', now();" + EXECUTE + SETTLE,
    ),
    "closed over an investor whose identity has lapsed": (
        GATE,
        SECOND + "UPDATE investor_profiles SET kyc_expires_at = %(at)s WHERE user_id = %(ben)s;" + EXECUTE + SETTLE,
    ),
    "closed over a restricted investor": (
        GATE,
        SECOND + "UPDATE investor_profiles SET restricted_at = now(), restriction_reason = 'x'"
        " WHERE user_id = %(ben)s;" + EXECUTE + SETTLE,
    ),
    "closed over an investor nobody has screened since the list changed": (
        GATE,
        SECOND + "INSERT INTO sanctions_imports (id, list_name, content_hash, parties, names, added, changed, removed,"
        " imported_at) SELECT gen_random_uuid(), 'OFAC_SDN', 'x', 0, 0, 0, 0, 0,"
        " %(at)s::timestamptz + interval '1 second';" + EXECUTE + SETTLE,
    ),
    "closed over an investor under review": (
        GATE,
        SECOND + "INSERT INTO compliance_checks (id, check_type, status, subject_id, rule_version, summary, details,"
        " review_note, created_at) SELECT gen_random_uuid(), 'AML', 'MANUAL_REVIEW', %(ben)s, 'x', 'x', '{}', '',"
        " now();" + EXECUTE + SETTLE,
    ),
}
TERMS = {
    "a commitment above the maximum": (
        TOO_MUCH,
        "UPDATE investments SET investment_amount = 3900.01, committed_at = now() WHERE investor_id = %(ann)s",
    ),
    "a new investment above the maximum": (
        TOO_MUCH,
        "INSERT INTO investments SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
        " 'investor_id', %(operator)s::text, 'investment_amount', 2900.01))).* FROM investments i"
        " WHERE investor_id = %(ann)s",
    ),
    "the maximum raised instead": (GUARD, "UPDATE offerings SET maximum_amount = 9000000 WHERE id = %(offering)s"),
    "the minimum lowered": (GUARD, "UPDATE offerings SET minimum_amount = 1 WHERE id = %(offering)s"),
    "the deadline moved": (GUARD, "UPDATE offerings SET deadline_at = deadline_at + interval '1 day'"),
    "another exemption": (GUARD, "UPDATE offerings SET exemption = 'REG_D_506B' WHERE id = %(offering)s"),
    "an investment funded by hand": (
        GATE,
        "UPDATE investments SET funded_amount = 600, current_balance = 600 WHERE investor_id = %(ben)s",
    ),
    "an investment born funded": (
        GATE,
        "INSERT INTO investments SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
        " 'investor_id', %(cat)s::text, 'funded_amount', 600, 'current_balance', 600))).* FROM investments i"
        " WHERE investor_id = %(ben)s",
    ),
    "a commitment made earlier than it was": (GUARD, "UPDATE investments SET committed_at = '2020-01-01'"),
    "a commitment written down by hand": (
        GUARD,
        "INSERT INTO commitments SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),"
        " 'committed_at', '2020-01-01'))).* FROM commitments c LIMIT 1",
    ),
    "a commitment's moment edited": (GUARD, "UPDATE commitments SET committed_at = '2020-01-01'"),
    "an early closing announced a day ahead": (
        GATE,
        "INSERT INTO early_closing_notices (id, escrow_account_id, notice_at, closes_at, given_by_id, created_at)"
        " SELECT gen_random_uuid(), %(escrow)s, %(at)s::timestamptz - interval '3 days',"
        " %(at)s::timestamptz - interval '2 days', %(operator)s, now()",
    ),
    "an early closing announced in the past": (
        GATE,
        "DELETE FROM sandbox_clock;"
        "INSERT INTO early_closing_notices (id, escrow_account_id, notice_at, closes_at, given_by_id, created_at)"
        " SELECT gen_random_uuid(), %(escrow)s, %(at)s::timestamptz - interval '60 days',"
        " %(at)s::timestamptz - interval '2 days', %(operator)s, now()",
    ),
}
HOLDS = {
    "money held without a hold": (HOLD, post("HOLD", "'x'", ("INVESTOR", "ann", "5"), ("HELD", "ann", "-5"))),
    "a hold without its money": (
        HOLD,
        "INSERT INTO holds (id, escrow_account_id, investor_id, amount, released_amount, status, reason, reference,"
        " placed_at, created_at) SELECT gen_random_uuid(), %(escrow)s, %(ann)s, 5, 0, 'OPEN', 'x', 'x', now(), now()",
    ),
    "a hold released twice": (
        HOLD,
        "UPDATE holds SET released_amount = 60;"
        + post(
            "HOLD_RELEASED",
            "'hold:' || %(hold)s || ':released:60.00'",
            ("HELD", "ben", "60"),
            ("INVESTOR", "ben", "-60"),
        )
        + post(
            "HOLD_RELEASED", "'hold:' || %(hold)s || ':released:60'", ("HELD", "ben", "40"), ("INVESTOR", "ben", "-40")
        ),
    ),
    "more released than a hold has": (CHECK, "UPDATE holds SET released_amount = 100.01"),
    "money released and the hold left open": (
        HOLD,
        "UPDATE holds SET released_amount = 50;"
        + post(
            "HOLD_RELEASED",
            "'hold:' || %(hold)s || ':released:50.00'",
            ("HELD", "ben", "40"),
            ("INVESTOR", "ben", "-40"),
        ),
    ),
    "held money paid out": (
        HOLD,
        post("RESERVE", "'x'", ("HELD", "ben", "100"), ("PAYOUTS", "", "-100"), entry_type="REFUND"),
    ),
    "held money given to somebody else": (
        HOLD,
        "UPDATE holds SET released_amount = 100, status = 'RELEASED', ended_at = %(at)s;"
        + post(
            "HOLD_RELEASED",
            "'hold:' || %(hold)s || ':released:100.00'",
            ("HELD", "ben", "100"),
            ("INVESTOR", "ann", "-100"),
        ),
    ),
    "a hold that ends before its time": (
        CHECK,
        "UPDATE holds SET released_amount = 100, status = 'EXPIRED', ended_at = now()",
    ),
    "a hold that never was": (GUARD, "DELETE FROM holds"),
}
ACCOUNTS = {
    "an account closed with money in it": (
        CLOSE,
        "UPDATE escrow_accounts SET status = 'CLOSED', closed_at = now() WHERE id = %(escrow)s",
    ),
    "an account closed with a payment on its way": (
        CLOSE,
        "UPDATE escrow_accounts SET status = 'CLOSED', closed_at = now() WHERE id = %(empty)s",
    ),
    "unfrozen into what it was not": (
        GUARD,
        "UPDATE escrow_accounts SET status = 'LIQUIDATING' WHERE id = %(other)s;"
        "UPDATE escrow_accounts SET status = 'FROZEN', frozen_reason = 'x', frozen_at = now(),"
        ' metadata = \'{"frozen_from": "LIQUIDATING"}\' WHERE id = %(other)s;'
        "UPDATE escrow_accounts SET status = 'ACTIVE' WHERE id = %(other)s",
    ),
    "frozen without saying from what": (
        GUARD,
        "UPDATE escrow_accounts SET status = 'FROZEN', frozen_reason = 'x', frozen_at = now() WHERE id = %(other)s",
    ),
    "frozen without a reason": (
        CHECK,
        "UPDATE escrow_accounts SET status = 'FROZEN', metadata = '{\"frozen_from\": \"ACTIVE\"}' WHERE id = %(other)s",
    ),
    "liquidation undone": (
        GUARD,
        "UPDATE escrow_accounts SET status = 'LIQUIDATING' WHERE id = %(other)s;"
        "UPDATE escrow_accounts SET status = 'ACTIVE' WHERE id = %(other)s",
    ),
    "paid from a frozen account": (
        STATE,
        "UPDATE escrow_accounts SET status = 'FROZEN', frozen_reason = 'x', frozen_at = now(),"
        ' metadata = \'{"frozen_from": "ACTIVE"}\' WHERE id = %(other)s;'
        + post(
            "RESERVE", "'x'", ("INVESTOR", "cat", "5"), ("PAYOUTS", "", "-5"), entry_type="WITHDRAWAL", escrow="other"
        ),
    ),
    "an account given to another offering": (
        GUARD,
        "UPDATE escrow_accounts SET offering_id = gen_random_uuid() WHERE id = %(other)s",
    ),
}
PAYMENTS = {
    "a status skipped": (GUARD, "UPDATE transactions SET status = 'COMPLETED', completed_at = now()"),
    "another bank account": (GUARD, "UPDATE transactions SET from_bank_account_id = NULL"),
    "another amount": (GUARD, "UPDATE transactions SET amount = amount + 1, net_amount = net_amount + 1"),
}
SESSIONS = {
    "triggers ignored by a setting": (
        GUARD,
        "SET LOCAL pgtrigger.ignore = 'closings:immutable,closings:passes_the_gate';"
        "UPDATE closings SET total_amount = 1",
    ),
    "triggers ignored by name": (
        GATE,
        "SELECT set_config('pgtrigger.ignore', '{closings:passes_the_gate,escrow_ledger_entries:custody}',"
        " true);" + release("ann", "1000"),
    ),
    "constraints put off": (GATE, "SET CONSTRAINTS ALL DEFERRED;" + SECOND + EXECUTE),
    "triggers switched off for the session": (DENIED, AS_APPLICATION + "SET session_replication_role = replica"),
    "triggers disabled": (DENIED, AS_APPLICATION + "ALTER TABLE closings DISABLE TRIGGER ALL"),
    "the gate replaced": (
        DENIED,
        AS_APPLICATION + "CREATE OR REPLACE FUNCTION closing_passes_the_gate() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'",
    ),
    "the trail of it deleted": (GUARD, "DELETE FROM audit_events"),
}
CHEATS: Mapping[str, tuple[str, str]] = {
    **LEDGER,
    **SHAPES,
    **BANK_SAYS,
    **RELEASES,
    **CLOSINGS,
    **TERMS,
    **HOLDS,
    **ACCOUNTS,
    **PAYMENTS,
    **SESSIONS,
}
