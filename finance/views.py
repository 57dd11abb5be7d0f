"""The webhook door: verify, store, answer 200; the work itself is done later, from the stored row."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from finance.operations import webhooks
from realco import clock
from realco.errors import Refusal

MAX_BYTES = 64 * 1024


@csrf_exempt
def receive_from_sandbox(request: HttpRequest) -> HttpResponse:
    """Take a message of the sandbox bank; in production mode there is no such address."""
    if not settings.SANDBOX:
        raise Http404
    return _receive("sandbox", request)


def _receive(provider: str, request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BYTES:
        return _refused(f"A message has at most {MAX_BYTES} bytes.", status=413)
    try:
        webhooks.receive(provider, request.body, request.headers, at=clock.now())
    except Refusal as refusal:
        return _refused(refusal.message, code=refusal.code)
    return JsonResponse({"received": True})


def _refused(message: str, *, code: str = "VALIDATION_ERROR", status: int = 400) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, "details": {}}}, status=status)
