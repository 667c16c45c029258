"""Checking the signature of a bank's call: `python -m benchmarks.signatures` prints the processor time of an HMAC, of RSA where the
call arrives, and of RSA in a thread: what the event loop spends on it, and all threads together.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from cryptography.hazmat.primitives.asymmetric import rsa

from gerbang.connections.snap import signatures

TIMES = 2_000
ROUNDS = 5
SECRET = "inbound-secret-of-the-benchmark"
TEXT = signatures.call_string(
    "POST", "/openapi/v1.0/transfer-va/payment", "0" * 64, "2026-11-28T12:00:00+07:00", "t" * 40
)


async def measured(check: Callable[[], Awaitable[bool]]) -> tuple[float, float]:
    """Microseconds of one check: of the event loop, and of the whole process. The least of a few rounds counts."""
    took: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        loop, process = time.thread_time(), time.process_time()
        for _ in range(TIMES):
            if not await check():
                raise SystemExit("A good signature was refused.")
        took.append((time.thread_time() - loop, time.process_time() - process))
    loop, process = (min(each) / TIMES * 1e6 for each in zip(*took, strict=True))
    return loop, process


async def main() -> None:
    key = rsa.generate_private_key(65537, 2048)
    keys, by_key, by_secret = [key.public_key()], signatures.sign_rsa(key, TEXT), signatures.sign_hmac(SECRET, TEXT)

    async def hmac() -> bool:
        return signatures.is_signed_hmac(SECRET, [TEXT], by_secret)

    async def here() -> bool:
        return signatures.is_signed_rsa(keys, [TEXT], by_key)

    async def in_a_thread() -> bool:
        return await asyncio.to_thread(signatures.is_signed_rsa, keys, [TEXT], by_key)

    for name, check in (("HMAC", hmac), ("RSA where it arrives", here), ("RSA in a thread", in_a_thread)):
        loop, process = await measured(check)
        sys.stdout.write(f"{name:22} {loop:6.1f} µs of the loop, {process:6.1f} µs of the process\n")


if __name__ == "__main__":
    asyncio.run(main())
