"""An app of tests alone, whose one migration makes every guard of the ledger's busiest tables anew."""
