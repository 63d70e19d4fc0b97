from pipeline.contract.progress import Progress, Stage, StageProgress


def test_every_stage_is_pending_at_the_start() -> None:
    assert [(stage.name, stage.status) for stage in Progress().stages] == [(stage, "pending") for stage in Stage]


def test_progress_can_be_stored_as_json() -> None:
    progress = Progress(value=0.5, stage=Stage.UPSCALE, step=2, steps=4, message="finished span 2 of 4")

    assert Progress.model_validate(progress.model_dump(mode="json")) == progress


def test_unknown_fields_and_stages_of_a_newer_dispatcher_are_ignored() -> None:
    row = {
        "value": 0.5,
        "stage": "audio",
        "camera": "pan",
        "stages": [{"name": "generate", "status": "done"}, {"name": "audio", "status": "running"}],
    }

    progress = Progress.model_validate(row)

    assert (progress.value, progress.stage) == (0.5, None)
    assert progress.stages == [StageProgress(name=Stage.GENERATE, status="done")]
