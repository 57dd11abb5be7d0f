-- The Federal Reserve's calendar in the database, so that it can count a notice's business days itself;
-- the same as realco/business_days.py, from 2022 on (before, 19 June was no holiday).

CREATE FUNCTION realco_is_business_day(day date) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT extract(isodow FROM day) < 6
       AND to_char(day, 'MM-DD') NOT IN ('01-01', '06-19', '07-04', '11-11', '12-25')
       -- A holiday on a Sunday is kept on the Monday after.
       AND NOT (extract(isodow FROM day) = 1
                AND to_char(day - 1, 'MM-DD') IN ('01-01', '06-19', '07-04', '11-11', '12-25'))
       AND NOT (extract(isodow FROM day) = 1
                AND ((extract(month FROM day) IN (1, 2) AND extract(day FROM day) BETWEEN 15 AND 21)
                     OR (extract(month FROM day) = 5 AND extract(day FROM day) >= 25)
                     OR (extract(month FROM day) = 9 AND extract(day FROM day) <= 7)
                     OR (extract(month FROM day) = 10 AND extract(day FROM day) BETWEEN 8 AND 14)))
       AND NOT (extract(isodow FROM day) = 4
                AND extract(month FROM day) = 11 AND extract(day FROM day) BETWEEN 22 AND 28)
$$;

-- The day that is a number of business days after a day, which is not counted itself.
CREATE FUNCTION realco_add_business_days(day date, number integer) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT d::date
      FROM generate_series(day + 1, day + 2 * number + 10, interval '1 day') AS d
     WHERE realco_is_business_day(d::date)
     ORDER BY d
    OFFSET number - 1 LIMIT 1
$$;

-- Whether a moment that somebody states is about now. A database whose sandbox clock has been moved keeps
-- another time, and says nothing about it.
CREATE FUNCTION realco_is_about_now(moment timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT moment BETWEEN now() - interval '24 hours' AND now() + interval '24 hours'
        OR EXISTS (SELECT FROM sandbox_clock)
$$;

-- Amounts as people read them in messages: $1,234.50.
CREATE FUNCTION realco_money(amount numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(amount, 'FM$999,999,999,999,999,990.00')
$$;

-- What investors were offered stands from the moment the raise opens.
CREATE FUNCTION offering_terms_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'DRAFT'
       AND (NEW.minimum_amount, NEW.maximum_amount, NEW.deadline_at, NEW.exemption, NEW.opened_at)
           IS DISTINCT FROM
           (OLD.minimum_amount, OLD.maximum_amount, OLD.deadline_at, OLD.exemption, OLD.opened_at) THEN
        RAISE EXCEPTION 'offerings: minimum, maximum, deadline, exemption and opening never change once the raise is open'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
