"""The timing protocol's figures, and what makes a device fit to be timed."""

from dataclasses import dataclass

from device_bench.errors import BadRequest
from device_bench.probe import DeviceState


@dataclass(frozen=True, slots=True)
class TimingProtocol:
    """How often, how exact, and under which conditions.

    Attributes:
        min_sessions: Processes a model gets at least, each fresh.
        max_sessions: Processes whose times count, at most.
        precision: Half the interval of the median over the median at which a model is done, such as 0.03.
        time_limit_s: Time a model may take; several models share the sum.
        session_timeout_s: Time one process may take.
        canary_limit: How much slower the canary may become, as a factor; None runs no canary.
        max_thermal_status: Highest Android thermal status to measure at; 0 is "none".
        max_temperature_c: Highest battery temperature to measure at; None does not look.
        min_battery_percent: Lowest battery level to measure at, below which systems save power; None does not look.
        gate_timeout_s: How long to wait until the device is fit.
        gate_poll_s: How often to look meanwhile.
        cool_down_s: Pause after a block during which the device became slower.
    """

    min_sessions: int = 5
    max_sessions: int = 20
    precision: float = 0.03
    time_limit_s: float = 120.0
    session_timeout_s: float = 120.0
    canary_limit: float | None = 1.10
    max_thermal_status: int = 0
    max_temperature_c: float | None = 42.0
    min_battery_percent: int | None = 15
    gate_timeout_s: float = 300.0
    gate_poll_s: float = 5.0
    cool_down_s: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_sessions <= self.max_sessions:
            raise BadRequest(f"sessions from {self.min_sessions} to {self.max_sessions} are not a range from 1 up")
        if not self.precision > 0:
            raise BadRequest(f"precision is {self.precision}; it is a share of the median, such as 0.03")
        if self.canary_limit is not None and self.canary_limit <= 1:
            raise BadRequest(f"canary_limit is {self.canary_limit}; it is a factor above 1, such as 1.1")

    def unfit(self, state: DeviceState) -> str:
        """Why a device in this state must not be timed, or "" when it may."""
        if state.thermal_status is not None and state.thermal_status > self.max_thermal_status:
            return f"thermal status {state.thermal_status} is above {self.max_thermal_status}"
        limit_c = self.max_temperature_c
        if limit_c is not None and state.battery_c is not None and state.battery_c > limit_c:
            return f"the battery has {state.battery_c:g} C, more than {limit_c:g} C"
        least = self.min_battery_percent
        if least is not None and state.battery_percent is not None and state.battery_percent < least:
            return f"the battery is at {state.battery_percent} %, less than {least} %"
        return ""

    def changed(self, before: DeviceState, after: DeviceState) -> str:
        """What became worse between two states, or ""."""
        if reason := self.unfit(after):
            return reason
        for core, (old, new) in enumerate(zip(before.core_cap_mhz, after.core_cap_mhz, strict=False)):
            if new < old:
                return f"the system lowered core {core} from {old} to {new} MHz"
        return ""
