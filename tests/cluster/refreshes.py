"""How often Elasticsearch made what was written visible to searches."""

import httpx


async def refreshes(url: str, namespace: str) -> int:
    """Of all indexes whose names begin so, since they were made."""
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.get(f"/{namespace}*/_stats/refresh")
    total: int = answer.raise_for_status().json()["_all"]["primaries"]["refresh"]["external_total"]
    return total
