-- Without a status every version counts, so there may be none that was never activated.
DO $$ BEGIN
    IF EXISTS (SELECT FROM waterfall_terms WHERE status IN ('DRAFT', 'WITHDRAWN')) THEN
        RAISE EXCEPTION 'There are drafts of waterfall terms, which would come into force. Keep this version of RealCo.';
    END IF;
END $$;
