"""How long stages take, learnt from finished work: the source of every `eta_seconds`."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import StageRate

_LEAST_WEIGHT = 0.1  # of a new sample: old samples fade, a slow day does not stay for ever


async def rates(session: AsyncSession) -> dict[tuple[str, str], float]:
    """Seconds per unit of work, by stage and model."""
    rows = await session.execute(select(StageRate.stage, StageRate.model, StageRate.seconds_per_unit))
    return {(row.stage, row.model): row.seconds_per_unit for row in rows}


async def learn_rate(session: AsyncSession, stage: str, model: str, seconds_per_unit: float) -> None:
    """Move the known rate towards a new sample: an average at first, a moving one later."""
    new = insert(StageRate).values(stage=stage, model=model, seconds_per_unit=seconds_per_unit)
    weight = func.greatest(1.0 / (StageRate.samples + 1.0), _LEAST_WEIGHT)
    moved = StageRate.seconds_per_unit + (new.excluded.seconds_per_unit - StageRate.seconds_per_unit) * weight
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[StageRate.stage, StageRate.model],
            set_={
                "seconds_per_unit": moved,
                "samples": StageRate.samples + 1,
                "updated_at": func.now(),
            },
        )
    )
