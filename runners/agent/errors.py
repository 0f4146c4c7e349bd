"""Why an agent does not start."""


class AgentError(Exception):
    """Base of what the owner of the host can set right."""


class AgentSettingsError(AgentError):
    """An option is not what it must be."""


class PortTaken(AgentError):
    """Something else listens there."""
