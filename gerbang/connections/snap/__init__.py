"""The national standard SNAP BI, in both roles: partners that we call, and partners that call us.

`bodies`, `signatures`, `times` and `codes` are the standard; `profiles` are the habits of each bank; `server`, `fields` and `replies`
are the calls that come to us.
"""

from gerbang.connections import Asked, Call, CallAnswer, Link, Said, missing
from gerbang.connections.snap import server
from gerbang.connections.snap.profiles import profiles
from gerbang.connections.snap.settings import SnapSettings, profile_of, scheme_of
from gerbang.domain.connections import Connection


class Snap:
    """A partner that speaks the national standard."""

    name = "snap"
    settings = SnapSettings

    def faults(self, connection: Connection) -> list[Said]:
        """What a contract over the standard cannot do without."""
        if connection.profile is not None and connection.profile not in profiles():
            known = ", ".join(sorted(profiles()))
            return [("profile", f"names {connection.profile}, which is none of the known ones: {known}")]
        found: list[Said] = []
        if connection.inbound is not None:
            found += missing(connection, "inbound.client_id", "inbound.public_keys")
            if scheme_of(connection) != "asymmetric":
                found += missing(connection, "inbound.client_secret")
        if "payments" in connection.serves and profile_of(connection).receives:
            found += missing(connection, "inbound")
        return found

    def read(self, link: Link, call: Call) -> Asked | CallAnswer:
        return server.read(link, call)

    def unread(self, link: Link, status: int, why: str) -> CallAnswer:
        return server.unread(link, status, why)


PROVIDER = Snap()
