"""What clients of a gateway without TLS are made with: to read all certificate authorities takes 40 ms for each of them."""

import ssl

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx: calls over TLS, which no test makes by it, would be refused."""
