DROP FUNCTION finance_refund_fits_its_item();
DROP FUNCTION finance_refund_item_is_paid_once();
DROP FUNCTION finance_refund_item_is_the_investors();
DROP FUNCTION finance_refund_approval_is_anothers();
DROP FUNCTION finance_refund_run_is_approved();
