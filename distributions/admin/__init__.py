from distributions.admin import (
    allocations,
    call_items,
    capital_calls,
    distributions,
    "personal_readings",
