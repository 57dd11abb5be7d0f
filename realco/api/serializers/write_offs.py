"""Write-offs of allocations as the API reads and writes them."""

from rest_framework import serializers

from distributions.models import AllocationWriteOff
from distributions.models.write_offs import WriteOffStatus
from realco.api.serializers.fields import EnumField, MoneyText, StrictSerializer, TextField, moment, reference, text
from realco.api.serializers.pages import PageQuerySerializer


class WriteOffSerializer(serializers.Serializer[AllocationWriteOff]):
    """
    The end of one allocation that could not be paid; `amount` is what was not paid.

    `keeps_deductions` says that what was taken off it had been remitted before, and stays taken off.
    """

    id = serializers.UUIDField(read_only=True)
    allocation_id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(source="allocation.investor_id", read_only=True)
    status = EnumField(WriteOffStatus, read_only=True)
    amount = MoneyText(read_only=True)
    reason = text()
    keeps_deductions = serializers.BooleanField(read_only=True)
    proposed_by_id = reference()
    approved_by_id = reference()
    executed_at = moment()
    withdrawn_by_id = reference()
    withdrawn_at = moment()
    withdrawn_reason = text()
    created_at = serializers.DateTimeField(read_only=True)


class WriteOffListQuerySerializer(PageQuerySerializer):
    """Which write-offs, and which page of them."""

    status = EnumField(WriteOffStatus, required=False)


class WriteOffOrderSerializer(StrictSerializer):
    """Which allocation ends unpaid, and why."""

    allocation_id = serializers.UUIDField()
    reason = TextField(help_text="The payee is shown it.")
