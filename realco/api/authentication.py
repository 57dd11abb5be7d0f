"""Who is asking: tokens in the Authorization header, and the audit trail told of their owner."""

import re
from typing import Any

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_FORM = re.compile(r"[0-9a-f]{40}")


class ApiTokenAuthentication(TokenAuthentication):
    """Reads "Authorization: Token …"; what is wrong with a token is never said more exactly than that it is wrong."""

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        """
        Return the token's owner and the token.

        :raises AuthenticationFailed: if it is not a token, nobody's, or its owner may not sign in
        """
        if _FORM.fullmatch(key) is None:
            raise AuthenticationFailed("This token is not valid.")
        try:
            return super().authenticate_credentials(key)
        except AuthenticationFailed as failure:
            raise AuthenticationFailed("This token is not valid.") from failure
