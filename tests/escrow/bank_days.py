"""The same two days of one account as each kind of bank would send them, written by hand after real files."""

MT940 = b"""\
{1:F01BANKUS33AXXX0000000000}{2:O9400600260305BANKUS33AXXX00000000002603050600N}{4:
:20:STMT260303
:25:111
:28C:62/1
:60F:C260302USD1000,00
:61:2603030302C700,00NTRFSBX-1//B1
:86:/EREF/SBX-1/REMI/DEPOSIT OF
MRS. A, LONDON
:61:2603030302RC0,50NMSCNONREF//B2
EARLIER CREDIT WITHDRAWN
:61:260303D100,NTRFNONREF
:86:166?00TRANSFER?20EREF+SBX-2?21SVWZ+ROOF?32BUILDER INC
:62F:C260303USD1599,50
:64:C260303USD1599,50
:86:END OF STATEMENT
-}
"""

OFX_SGML = b"""\
OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260304060000<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>026015079<ACCTID>111<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260302<DTEND>20260303
<STMTTRN>
<TRNTYPE>CREDIT
<DTPOSTED>20260302233000[-5:EST]
<TRNAMT>700.00
<FITID>B1
<REFNUM>SBX-1
<NAME>MRS. A &amp; CO, Z\xfcrich
<MEMO>
</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260302<TRNAMT>-0,50<FITID>B2<NAME>EARLIER CREDIT WITHDRAWN</STMTTRN>
<STMTTRN><TRNTYPE>CHECK<DTPOSTED>20260303<TRNAMT>-100.0000<FITID>B3<CHECKNUM>17<NAME>ROOF</STMTTRN>
</BANKTRANLIST>
<LEDGERBAL><BALAMT>1599.50<DTASOF>20260303</LEDGERBAL>
<AVAILBAL><BALAMT>1599.50<DTASOF>20260303</AVAILBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
"""

OFX_XML = b"""\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS><DTSERVER>20260304</DTSERVER>
<LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<STMTRS><CURDEF>USD</CURDEF>
<BANKACCTFROM><BANKID>026015079</BANKID><ACCTID>111</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260302000000</DTSTART><DTEND>20260303235959</DTEND>
<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260302</DTPOSTED><TRNAMT>700.00</TRNAMT><FITID>B1</FITID>
<REFNUM>SBX-1</REFNUM><NAME><![CDATA[MRS. A & CO]]></NAME><MEMO><![CDATA[<RENT>]]></MEMO></STMTTRN>
<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260302</DTPOSTED><TRNAMT>-0.50</TRNAMT><FITID>B2</FITID>
<NAME>EARLIER CREDIT WITHDRAWN</NAME></STMTTRN>
<STMTTRN><TRNTYPE>CHECK</TRNTYPE><DTPOSTED>20260303</DTPOSTED><TRNAMT>-100.00</TRNAMT><FITID>B3</FITID></STMTTRN>
</BANKTRANLIST>
<LEDGERBAL><BALAMT>1599.50</BALAMT><DTASOF>20260303120000.000[-5:EST]</DTASOF></LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
"""

CAMT053 = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
<BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-04T06:00:00-05:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id>
<Acct><Id><Othr><Id>111</Id></Othr></Id><Ccy>USD</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
 <Dt><Dt>2026-03-02</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">1599.5</Amt><CdtDbtInd>CRDT</CdtDbtInd>
 <Dt><DtTm>2026-03-03T23:59:59-05:00</DtTm></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLAV</Cd></CdOrPrtry></Tp><Amt Ccy="USD">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>
 <Dt><Dt>2026-03-03</Dt></Dt></Bal>
<TxsSummry><TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>700</Sum></TtlCdtNtries>
 <TtlDbtNtries><NbOfNtries>2</NbOfNtries><Sum>100.50</Sum></TtlDbtNtries></TxsSummry>
<Ntry><NtryRef>1</NtryRef><Amt Ccy="USD">700.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-03</Dt></ValDt><AcctSvcrRef>B1</AcctSvcrRef>
 <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>
 <NtryDtls><TxDtls><Refs><EndToEndId>SBX-1</EndToEndId></Refs>
  <RltdPties><Dbtr><Pty><Nm>Mrs. A &amp; Co</Nm></Pty></Dbtr></RltdPties>
  <RmtInf><Ustrd>Deposit</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="USD">0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><DtTm>2026-03-02T10:00:00</DtTm></BookgDt><AcctSvcrRef>B2</AcctSvcrRef>
 <BkTxCd><Prtry><Cd>REV</Cd></Prtry></BkTxCd><AddtlNtryInf>EARLIER CREDIT WITHDRAWN</AddtlNtryInf></Ntry>
<Ntry><Amt Ccy="USD">100.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><Dt>2026-03-03</Dt></BookgDt><AcctSvcrRef>B3</AcctSvcrRef>
 <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
 <NtryDtls><Btch><PmtInfId>BATCH-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>
  <TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy="USD">60.00</Amt></TxDtls>
  <TxDtls><Refs><EndToEndId>E2</EndToEndId></Refs><Amt Ccy="USD">40.00</Amt></TxDtls></NtryDtls></Ntry>
</Stmt>
</BkToCstmrStmt>
</Document>
"""

CSV = b"""\
First Bank,Statement of account 111
Booked,Value,Out,In,Balance,Bank ref,Our ref,Kind,Words
03/02/2026,03/03/2026,,700.00,"1,700.00",B1,SBX-1,DEP,"Deposit of
Mrs. A"
03/02/2026,,0.50,,"1,699.50",B2,,REV,Earlier credit withdrawn
03/03/2026,,100.00,,"1,599.50",B3,SBX-2,OUT,Roof
"""

CSV_LAYOUT = {
    "columns": {
        "date": "Booked",
        "value_date": "Value",
        "debit": "Out",
        "credit": "In",
        "balance": "Balance",
        "bank_reference": "Bank ref",
        "customer_reference": "Our ref",
        "type_code": "Kind",
        "text": ["Words"],
    },
    "skip_rows": 1,
    "date_format": "MM/DD/YYYY",
    "account_number": "111",
}
