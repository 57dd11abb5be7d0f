"""
How a cheat writes raw SQL: one step of the ledger, of the bank or of a closing, each in a string.

``%(name)s`` stands for what the world of ``test_cheats`` calls so.
"""

RECEIPT = "'receipt:' || %(line)s"
CLAIM = "'receipt:' || %(line)s || ':claim:' || %(claim)s"
FEE = "'bank-fee:' || %(line)s || ':' || %(claim)s"
ANEW = "UPDATE closings SET status = 'CANCELLED', cancelled_at = now() WHERE id = %(closing)s;"


def post(
    event: str,
    reference: str,
    *lines: tuple[str, str, str],
    entry_type: str = "ADJUSTMENT",
    escrow: str = "escrow",
    reverses: str = "NULL",
) -> str:
    """Post a journal entry by hand: lines are kinds, owners (a name or nothing) and amounts."""
    kinds = ", ".join(f"'{kind}'" for kind, _, _ in lines)
    owners = ", ".join(f"%({owner})s" if owner else "NULL" for _, owner, _ in lines)
    amounts = ", ".join(amount for _, _, amount in lines)
    return (
        f"SELECT ledger_post(ARRAY[gen_random_uuid()], ARRAY[%({escrow})s]::uuid[], ARRAY['{event}'],"
        f" ARRAY['{entry_type}'], ARRAY[{reference}], ARRAY[repeat('0', 64)], ARRAY[''], ARRAY[current_date],"
        f" ARRAY[NULL]::uuid[], ARRAY[NULL]::uuid[], ARRAY[{reverses}]::uuid[],"
        f" array_fill(1, ARRAY[{len(lines)}]), ARRAY[{kinds}], ARRAY[{owners}]::uuid[], ARRAY[{amounts}]::numeric[],"
        " NULL, now());"
    )


def stated(amount: str, escrow: str = "escrow") -> str:
    """Have the bank state one movement."""
    return (
        "INSERT INTO bank_statements (id, escrow_account_id, file_name, content_hash, file_format, as_of_date,"
        f" closing_balance, line_count, created_at) VALUES (%(line)s, %({escrow})s, 'x', %(line)s, 'BAI2',"
        f" current_date, {amount}, 1, now());"
        "INSERT INTO bank_statement_lines (id, escrow_account_id, statement_id, value_date, amount, type_code,"
        " bank_reference, customer_reference, text, fingerprint, created_at) VALUES (%(line)s,"
        f" %({escrow})s, %(line)s, current_date, {amount}, '', '', '', '', %(line)s, now());"
    )


def book(amount: str, reference: str = RECEIPT) -> str:
    """Book money into suspense."""
    return post("UNKNOWN_RECEIPT", reference, ("BANK", "", amount), ("SUSPENSE", "", f"-{amount}"))


def received(amount: str = "9") -> str:
    return stated(amount) + book(amount)


def proposed(kind: str, amount: str, *, who: str = "", source: str = "", signer: str = "approver") -> str:
    """Have one person propose something about the bank's line, and another one sign it unless it is nobody."""
    sign = (
        f"UPDATE bank_proposals SET status = 'APPROVED', decided_by_id = %({signer})s, decided_at = now()"
        " WHERE id = %(claim)s;"
        if signer
        else ""
    )
    investor = f"%({who})s" if who else "NULL"
    return (
        "INSERT INTO bank_proposals (id, escrow_account_id, kind, status, line_id, investor_id, amount, source,"
        " line_ids, entry_ids, reason, proposed_by_id, proposed_at, decided_reason)"
        f" SELECT %(claim)s::uuid, l.escrow_account_id, '{kind}', 'PROPOSED', l.id, {investor}, {amount}, '{source}',"
        " '[]', '[]', 'x', %(operator)s, now(), ''"
        " FROM bank_statement_lines l WHERE l.id = %(line)s;" + sign
    )


def claim(who: str, amount: str, reference: str = CLAIM) -> str:
    """Give money out of suspense to somebody."""
    return post("RECEIPT_CLAIMED", reference, ("SUSPENSE", "", amount), ("INVESTOR", who, f"-{amount}"))


def charge(source: str, amount: str, reference: str = FEE) -> str:
    """Let the bank take a fee."""
    owner = "ann" if source == "INVESTOR" else ""
    return post("BANK_FEE", reference, (source, owner, amount), ("BANK", "", f"-{amount}"), entry_type="FEE")


def reverse(*lines: tuple[str, str, str]) -> str:
    """Book an unknown receipt of 9, have two people approve its reversal, and post lines as that reversal."""
    return received() + undo(*lines)


def undo(*lines: tuple[str, str, str]) -> str:
    """Have two people approve the reversal of the receipt, and post lines as that reversal."""
    receipt = f"(SELECT id FROM journal_entries WHERE reference = {RECEIPT})"
    return (
        "INSERT INTO journal_reversals (id, journal_entry_id, status, reason, proposed_by_id, proposed_at,"
        f" rejected_reason, created_at) SELECT gen_random_uuid(), {receipt}, 'PROPOSED', 'x', %(operator)s, now(), '',"
        " now();"
        "UPDATE journal_reversals SET status = 'EXECUTED', approved_by_id = %(approver)s, approved_at = now();"
        + post("REVERSAL", "'x'", *lines, reverses=receipt)
    )


def release(who: str, amount: str, reference: str = "") -> str:
    """Release somebody's money under the reference that a closing's release has."""
    named = reference or f"'closing:' || %(closing)s || ':' || %({who})s"
    return post("RELEASE", named, ("INVESTOR", who, amount), ("OFFERING", "", f"-{amount}"))


def raw_closing(at: str = "%(at)s", **amounts: str) -> str:
    """Propose, sign, execute and release figures by hand in place of the proposal that waits, every hash right."""
    figures = of(**amounts)
    return (
        ANEW
        + "INSERT INTO closings (id, escrow_account_id, status, total_amount, figures, content_hash, proposed_by_id,"
        " proposed_at, cancelled_reason, created_at)"
        f" SELECT %(forged)s::uuid, %(escrow)s::uuid, 'PROPOSED', (SELECT sum(e.value::numeric) FROM"
        f" jsonb_each_text(f) e), f, escrow_closing_hash(%(escrow)s::uuid, f), %(operator)s::uuid, {at}, '', now()"
        f" FROM (SELECT {figures} AS f) x;"
        "INSERT INTO closing_approvals (id, closing_id, approver_id, content_hash, signed_at, created_at)"
        f" SELECT gen_random_uuid(), c.id, a, c.content_hash, {at}, now() FROM closings c,"
        " unnest(ARRAY[%(approver)s, %(second)s]::uuid[]) a WHERE c.id = %(forged)s::uuid;"
        f"UPDATE closings SET status = 'EXECUTED', approved_by_id = %(second)s, executed_at = {at}"
        " WHERE id = %(forged)s::uuid;" + settle("forged", **amounts)
    )


def settle(closing: str = "closing", **amounts: str) -> str:
    """Do what an executed closing has to do: release its figures, and fund the investments with them."""
    return "".join(
        f"UPDATE investments SET status = 'ACTIVE', funded_at = %(at)s, funded_amount = {amount},"
        f" current_balance = {amount} WHERE investor_id = %({who})s AND offering_id = %(offering)s;"
        + release(who, amount, f"'closing:' || %({closing})s || ':' || %({who})s")
        for who, amount in amounts.items()
        if not amount.startswith("-")
    )


def of(**amounts: str) -> str:
    return "jsonb_build_object(" + ", ".join(f"%({who})s::text, '{amount}'" for who, amount in amounts.items()) + ")"
