"""Measured durations of the stages, from which every `eta_seconds` is computed."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import StageRate

# The least weight of a new sample, so that old samples fade.
_LEAST_WEIGHT: Final = 0.1


async def rates(session: AsyncSession, model: str) -> dict[str, float]:
    """Seconds per unit of work with this model, by stage."""
    rows = await session.execute(select(StageRate.stage, StageRate.seconds_per_unit).where(StageRate.model == model))
    return {row.stage: row.seconds_per_unit for row in rows}


async def listed(session: AsyncSession) -> list[StageRate]:
    """All rates, by stage and model."""
    return list(await session.scalars(select(StageRate).order_by(StageRate.stage, StageRate.model)))


async def learn_rate(session: AsyncSession, stage: str, model: str, seconds_per_unit: float) -> None:
    """Add a sample: the rate is the average of the first samples, then an exponential moving average."""
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
