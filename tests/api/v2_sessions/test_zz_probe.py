import time
from collections.abc import Iterator
import pytest
@pytest.fixture(scope="session", autouse=True)
def timing(databases) -> Iterator[None]:
    yield
    import asyncio, asyncpg
    t=time.time()
    async def go():
        c=await asyncpg.connect(databases._server_url); await c.execute("CHECKPOINT"); await c.close()
    asyncio.run(go())
    print("CHECKPOINT", time.time()-t, flush=True)
@pytest.mark.parametrize("n", range(15))
def test_p(gateway, n): gateway.shop.create()
def test_q(shop): shop.create()
