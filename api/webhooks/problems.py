from api.problems import Problem


class WebhookUrlRefused(Problem):
    """A webhook cannot lead to this URL."""

    status, code = 422, "webhook_url_refused"


class WebhookDisabled(Problem):
    """The webhook is disabled: enable it first."""

    status, code = 409, "webhook_disabled"
