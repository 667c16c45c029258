"""BSI, host to host: virtual accounts by direct inquiry (one third-party implementation; reference, F6).

It names neither a number nor a request, only the customer and an X-EXTERNAL-ID; it wants amounts without decimals and
`additionalInfo` as a list.
"""

from gerbang.connections.snap.profiles import DIRECT, Profile

PROFILE = Profile(
    title="BSI",
    certainty={"virtual accounts": "implementation"},
    receives=DIRECT,
    names_requests=False,
    whole_amounts=True,
    info_is_list=True,
)
