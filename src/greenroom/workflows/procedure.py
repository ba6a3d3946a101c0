"""Which step carries out which name of which plan: the whole procedure at a glance."""

from __future__ import annotations

from greenroom.domain.plan import PLANS, WorkKind
from greenroom.workflows.step import Step
from greenroom.workflows.steps.bake import BakeStep
from greenroom.workflows.steps.check import CheckStep
from greenroom.workflows.steps.conclude import ConcludeStep
from greenroom.workflows.steps.copy import CopyStep
from greenroom.workflows.steps.drill import DrillStep
from greenroom.workflows.steps.exchange import ExchangeStep
from greenroom.workflows.steps.expire import ExpireStep
from greenroom.workflows.steps.hold import HoldStep
from greenroom.workflows.steps.make_release import BuildStep, CleanRoomStep, FetchStep, SealStep
from greenroom.workflows.steps.migrate import MigrateStep
from greenroom.workflows.steps.open import OpenStep
from greenroom.workflows.steps.prepare import PrepareStep
from greenroom.workflows.steps.protect import ProtectStep
from greenroom.workflows.steps.rebuild import RebuildStep
from greenroom.workflows.steps.record import RecordStep
from greenroom.workflows.steps.refresh import GatherStep, PauseStep, ReadyStep, RecordRefreshStep, SwapStep
from greenroom.workflows.steps.restore_point import RestorePointStep
from greenroom.workflows.steps.retire import RetireStep
from greenroom.workflows.steps.revert import RevertStep
from greenroom.workflows.steps.run_checks import RunChecksStep
from greenroom.workflows.steps.start import StartStep
from greenroom.workflows.steps.switch import SwitchStep
from greenroom.workflows.steps.take import TakeStep
from greenroom.workflows.steps.vault import DiscoverStep, ExamineStep, FillVaultStep, MaskStep, PublishStep
from greenroom.workflows.steps.verify import VerifyStep


def procedure() -> dict[tuple[WorkKind, str], Step]:
    """Every step of every plan. A step whose name is in `domain.plan` and not here is caught by a test."""
    by_kind: dict[WorkKind, list[Step]] = {
        WorkKind.RELEASE: [FetchStep(), BuildStep(), CleanRoomStep(), SealStep()],
        WorkKind.PROMOTION: [
            RestorePointStep(),
            PrepareStep(),
            MigrateStep(),
            StartStep(),
            CheckStep(),
            SwitchStep(),
            BakeStep(),
            RetireStep(),
            RecordStep(),
        ],
        WorkKind.ROLLBACK: [
            RestorePointStep(),
            PrepareStep(),
            RevertStep(),
            StartStep(),
            CheckStep(),
            SwitchStep(),
            BakeStep(),
            RetireStep(),
            RecordStep(),
        ],
        WorkKind.CHECK: [RunChecksStep()],
        WorkKind.BACKUP: [ProtectStep(), TakeStep(), CopyStep(), ExpireStep()],
        WorkKind.RESTORE: [HoldStep(), RebuildStep(), ExchangeStep(), OpenStep(), ConcludeStep()],
        WorkKind.DRILL: [DrillStep()],
        WorkKind.VERIFY: [VerifyStep()],
        WorkKind.DISCOVERY: [FillVaultStep(), DiscoverStep()],
        WorkKind.DATASET: [FillVaultStep(), MaskStep(), ExamineStep(), PublishStep()],
        WorkKind.REFRESH: [GatherStep(), ReadyStep(), PauseStep(), SwapStep(), OpenStep(), RecordRefreshStep()],
    }
    return {(kind, step.name): step for kind in PLANS for step in by_kind[kind]}
