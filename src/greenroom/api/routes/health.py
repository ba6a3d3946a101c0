"""Is anybody there? The one question that needs no token, and the one answer that says nothing."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/healthz", tags=["control plane"])


@router.get("", summary="Is the control plane there?")
async def healthz() -> dict[str, bool]:
    return {"ok": True}
